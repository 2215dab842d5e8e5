"""What nobody's events bring up: RayJobs that are over or unowned, and what watches kept back."""

import logging
import threading
from datetime import UTC, datetime, timedelta

from lingraft_operator import metrics
from lingraft_operator.cache import Cache
from lingraft_operator.cluster import Cluster, Conflict
from lingraft_operator.config import Config
from lingraft_operator.observe import Observer
from lingraft_operator.world import RayJob

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
LISTED_EVERY = 5
"""Sweeps. A watch that died tells nothing of itself: now and then we ask what it should know."""
CONFIRM_SECONDS = 600.0
"""A RayJob that was not heard of for so long may be gone: watches that break tell nothing."""


def is_litter(rayjob: RayJob, keep: timedelta, now: datetime) -> bool:
    """Whether a RayJob has had its time; the history of attempts stays in the status."""
    if rayjob.deleting:
        return False
    if not rayjob.owners:  # deleted with --cascade=orphan
        return True
    return rayjob.finished and (rayjob.ended_at or rayjob.created_at) + keep <= now


class Sweeper:
    """Deletes litter once a minute, and asks after the watches."""

    def __init__(self, cache: Cache, cluster: Cluster, observer: Observer, config: Config) -> None:
        self._cache, self._cluster, self._observer = cache, cluster, observer
        self._namespaces = config.namespaces
        self._keep = timedelta(seconds=config.keep_finished_seconds)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _run(self) -> None:
        sweeps = 0
        while not self._over.wait(SWEEP_SECONDS):
            sweeps += 1
            self.sweep()
            if sweeps % LISTED_EVERY == 0:
                self.compare()

    def compare(self) -> None:
        """Hold the cache against a listing; the liveness probe fails if the watch stays behind."""
        try:
            versions = self._cluster.resource_versions(self._namespaces)
            for key in self._cache.expect(versions):
                if (resource := self._cache.resource(key)) is not None:
                    self._observer.look_again(resource)
        except Exception as error:  # they are compared again in some minutes
            metrics.reconcile_errors.labels("sweep").inc()
            log.warning("resources could not be listed: %s", error)

    def sweep(self) -> None:
        """Delete what is litter now, and ask after what was not heard of for long."""
        for rayjob in self._cache.rayjobs():
            try:
                self._sweep(rayjob)
            except Exception as error:  # it is looked at again in a minute
                metrics.reconcile_errors.labels("sweep").inc()
                log.warning("RayJob %s could not be swept: %s", rayjob.name, error)

    def _sweep(self, rayjob: RayJob) -> None:
        key = (rayjob.namespace, rayjob.name)
        if is_litter(rayjob, self._keep, datetime.now(UTC)):
            try:
                self._cluster.delete_rayjob(rayjob)
                log.info("deleted %s: over for long", rayjob.name)
            except Conflict:  # it changed, or went without our being told
                self._observer.look_up(key)
            return
        known = self._cache.rayjob(key)
        if known is not None and not rayjob.finished and known[1] > CONFIRM_SECONDS:
            self._observer.look_up(key)
