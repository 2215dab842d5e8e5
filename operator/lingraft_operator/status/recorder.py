"""Events, posted by a thread of their own: a courtesy that never holds anything up."""

import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Any

from lingraft_operator import metrics
from lingraft_operator.cluster import Cluster
from lingraft_operator.status.events import Note, event
from lingraft_operator.world import Resource

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
"""Events that may wait to be posted; what comes on top is dropped, and counted."""


class Recorder:
    """Posts in the order in which it was told."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Post what waits, as far as that can be done in some seconds."""
        until = time.monotonic() + timeout
        try:
            self._waiting.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(max(0.0, until - time.monotonic()))

    def tell(self, resource: Resource, note: Note) -> None:
        """Say something about a resource; it happened now."""
        try:
            self._waiting.put_nowait(event(resource, note, datetime.now(UTC)))
        except queue.Full:
            metrics.reconcile_errors.labels("event").inc()

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            try:
                self._cluster.record(body)
            except Exception as error:
                metrics.reconcile_errors.labels("event").inc()
                log.warning("an Event could not be posted: %s", error)
