"""When a run writes a checkpoint, and the thread that sends it while training goes on.

One is written every `CHECKPOINT_SECONDS`, at once when a node of the run is about to be taken
away, and when the process was asked to stop.
"""

import os
import threading
import time
from types import TracebackType
from typing import Self

from lingraft_trainer.context import StageContext
from lingraft_trainer.training.state import Snapshot, Trainer, snapshot, write

CHECKPOINT_SECONDS = float(os.environ.get("LINGRAFT_CHECKPOINT_SECONDS", "45"))
"""Seconds between checkpoints; `LINGRAFT_CHECKPOINT_SECONDS=0` writes one at every update.

With the time to send it, less than a minute of work is lost to a machine that dies unannounced.
"""


class Checkpoints:
    """A run's checkpoints. All workers hold the same state, so rank 0 alone writes.

    What is written is a copy made between two updates: it does not matter how far training is
    when it arrives. Leaving the context waits for it, so that nothing is written afterwards.
    """

    def __init__(self, ctx: StageContext, state: Trainer, done: object) -> None:
        self._ctx, self._state, self._done = ctx, state, done
        self._saved = time.perf_counter()
        self._noticed: frozenset[str] = frozenset()
        self._sending: threading.Thread | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._wait()
        elif kind is not KeyboardInterrupt and self._sending is not None:
            # A second Ctrl-C does not wait. What ended the run says more than the thread's error.
            self._sending.join()

    def after(self, step: int, *, stopping: bool) -> None:
        """Called after `step` updates: writes a checkpoint if there is a reason to.

        Args:
            step: Updates done.
            stopping: Nothing follows: returns when the checkpoint is complete.
        """
        if self._ctx.rank != 0:
            return
        # One checkpoint for each notice: the node is there for a while yet, and so is the news.
        leaving = self._ctx.nodes_leaving()
        news = not leaving <= self._noticed
        self._noticed |= leaving
        if stopping or news or time.perf_counter() - self._saved >= CHECKPOINT_SECONDS:
            self._wait()
            self._saved = time.perf_counter()
            taken = snapshot(self._state, self._done, step)
            self._sending = threading.Thread(target=self._send, args=(taken,), daemon=True)
            self._sending.start()
        if stopping:
            self._wait()

    def _send(self, taken: Snapshot) -> None:
        try:
            write(self._ctx, taken)
        except BaseException as error:  # raised in the training thread
            self._error = error

    def _wait(self) -> None:
        if self._sending is not None:
            self._sending.join()
            self._sending = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error
