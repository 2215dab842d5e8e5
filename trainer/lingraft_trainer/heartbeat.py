"""A holder's signs of life while it is at work on a stage."""

import threading
import time
from collections.abc import Callable
from typing import Self

from lingraft.errors import LingraftError, StageBusyError
from lingraft.stage import Progress
from lingraft.store.lease import LEASE_SECONDS, Lease
from lingraft.store.stages import StageStore
from lingraft_trainer.gauges import Gauges

HEARTBEAT_SECONDS = 10.0

Listener = Callable[[Progress], None]


class Heartbeat:
    """Passes every progress on, and writes one to the store every ten seconds.

    As a context it also renews the lease from a thread: training a tokenizer or evaluating may
    take longer than a lease lives, without a word.
    """

    def __init__(
        self,
        stages: StageStore,
        lease: Lease,
        listener: Listener | None = None,
        gauges: Gauges | None = None,
    ) -> None:
        self.stages, self.lease, self.listener, self.gauges = stages, lease, listener, gauges
        self.written = 0.0
        self.lost: LingraftError | None = None
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()

    def _renew(self) -> None:
        while not self._over.wait(LEASE_SECONDS / 5):
            try:
                self.lease.renew()
            except StageBusyError as error:
                self.lost = error
                return
            except LingraftError:
                continue  # a store that is briefly away: the lease outlives several tries

    def __call__(self, progress: Progress) -> None:
        """Pass a progress on.

        Raises:
            StageBusyError: The lease is lost.
        """
        if self.lost is not None:
            raise self.lost
        if self.listener is not None:
            self.listener(progress)
        if time.monotonic() - self.written >= HEARTBEAT_SECONDS:
            self.written = time.monotonic()
            if self.gauges is not None:
                self.gauges.set(progress)
            self.lease.renew()
            self.stages.write_progress(progress)
