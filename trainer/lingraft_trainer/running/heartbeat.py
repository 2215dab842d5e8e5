"""A holder's signs of life while it is at work on a stage."""

import threading
import time
from collections.abc import Callable
from typing import Self

from lingraft.errors import CredentialsError, StageBusyError
from lingraft.stage import Progress
from lingraft.store.lease import LEASE_SECONDS, Lease
from lingraft.store.stages import StageStore
from lingraft_trainer.machine.gauges import Gauges
from lingraft_trainer.running.log import HolderLog

HEARTBEAT_SECONDS = 10.0

Listener = Callable[[Progress], None]


class Heartbeat:
    """Passes every progress on at once, and writes the newest to the store every ten seconds.

    As a context it does so from a thread, which renews the lease too: training does not wait for
    the store, and a stage may be silent for longer than a lease lives. A store that is away is
    tried again for as long as the lease keeps others out. Refused credentials are waited for below
    (`renewal.py`): those that come up here are final.
    """

    def __init__(
        self,
        stages: StageStore,
        lease: Lease,
        listener: Listener | None = None,
        gauges: Gauges | None = None,
        log: HolderLog | None = None,
    ) -> None:
        self.stages, self.lease, self.listener, self.gauges = stages, lease, listener, gauges
        self.log = log
        self.lost: Exception | None = None
        self._newest: Progress | None = None
        self._waits, self._waits_until = "", float("-inf")
        self._telling = threading.Lock()
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
                if self.log is not None:
                    self.log.write()
            except (StageBusyError, CredentialsError) as error:
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
            CredentialsError: The store refuses ours, and waiting for others was in vain.
            Exception: The store has been away for so long that others may take the lease.
        """
        if self.lost is not None:
            raise self.lost
        self._pass_on(progress)
        if self.gauges is not None and time.monotonic() - self._shown >= HEARTBEAT_SECONDS:
            self._shown = time.monotonic()
            self.gauges.set(progress)

    def waits(self, words: str) -> None:
        """Say for a while, in the place of its phase, what the stage waits for; on any thread."""
        self._waits, self._waits_until = words, time.monotonic() + HEARTBEAT_SECONDS
        self._pass_on(self._newest or Progress(step=0, steps=0))

    def _pass_on(self, progress: Progress) -> None:
        with self._telling:
            if time.monotonic() < self._waits_until:
                progress = progress.model_copy(update={"phase": self._waits})
            self._newest = progress
            if self.log is not None:
                self.log.progress(progress)
            if self.listener is not None:
                self.listener(progress)
