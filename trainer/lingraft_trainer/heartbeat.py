"""A holder's signs of life while it is at work on a stage."""

import threading
import time
from collections.abc import Callable
from typing import Self

from lingraft.errors import StageBusyError
from lingraft.stage import Progress
from lingraft.store.lease import LEASE_SECONDS, Lease
from lingraft.store.stages import StageStore
from lingraft_trainer.gauges import Gauges

HEARTBEAT_SECONDS = 10.0

Listener = Callable[[Progress], None]


class Heartbeat:
    """Passes every progress on at once, and writes the newest to the store every ten seconds.

    As a context it does so from a thread, which renews the lease too: training does not wait for
    the store, and a stage may be silent for longer than a lease lives. A store that is away is
    tried again for as long as the lease keeps others out.
    """

    def __init__(
        self,
        stages: StageStore,
        lease: Lease,
        listener: Listener | None = None,
        gauges: Gauges | None = None,
    ) -> None:
        self.stages, self.lease, self.listener, self.gauges = stages, lease, listener, gauges
        self.lost: Exception | None = None
        self._newest: Progress | None = None
        self._shown = float("-inf")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        # A renewal that is on its way would keep the lease from being given back.
        self._thread.join()

    def _beat(self) -> None:
        renewed, written = time.monotonic(), None
        while True:
            began, newest = time.monotonic(), self._newest
            try:
                self.lease.renew()
                renewed = began
                if newest is not None and newest is not written:
                    self.stages.write_progress(newest)
                    written = newest
            except StageBusyError as error:
                self.lost = error
                return
            except Exception as error:  # the store is away, it seems
                if time.monotonic() - renewed >= LEASE_SECONDS:
                    self.lost = error
                    return
            if self._over.wait(HEARTBEAT_SECONDS):
                return

    def __call__(self, progress: Progress) -> None:
        """Pass a progress on.

        Raises:
            StageBusyError: The lease is lost.
            Exception: The store has been away for so long that others may take the lease.
        """
        if self.lost is not None:
            raise self.lost
        if self.listener is not None:
            self.listener(progress)
        self._newest = progress
        if self.gauges is not None and time.monotonic() - self._shown >= HEARTBEAT_SECONDS:
            self._shown = time.monotonic()
            self.gauges.set(progress)
