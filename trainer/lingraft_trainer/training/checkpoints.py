"""When a run writes a checkpoint, and the thread that sends it while training goes on.

One is written every `CHECKPOINT_SECONDS`, at once when a node of the run is about to be taken
away, and when the process was asked to stop. Where one takes long to write and send they are
rarer: no more than a tenth of the time goes to that, and training does not wait for one to arrive.
"""

import logging
import os
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lingraft.errors import LingraftError
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.sharded import agreed, is_sharded
from lingraft_trainer.training.state import Trainer, write

CHECKPOINT_SECONDS = float(os.environ.get("LINGRAFT_CHECKPOINT_SECONDS", "45"))
"""Seconds between checkpoints; 0 writes one at every update, and waits for the one before.

A machine that dies unannounced loses what was done since the last complete one: less than a
minute of work where sending takes up to five seconds, else up to eleven times as long as sending.
"""
COST = 10
"""How many times as long as the last one took lies between two."""

log = logging.getLogger(__name__)


class Checkpoints:
    """A run's checkpoints. All workers hold the same state, so rank 0 alone writes.

    Where they share it out all take part, when rank 0 says so.

    Its files are written between two updates, a second for each GB or two and on a CPU without a
    copy, and sent while training goes on: it does not matter how far that is when they arrive.
    Leaving the context waits for it, so that nothing is sent afterwards.
    One that the store does not take costs the run nothing: a newer one is sent when it is due.
    """

    def __init__(self, ctx: StageContext, state: Trainer, done: object) -> None:
        self._ctx, self._state, self._done = ctx, state, done
        self._saved, self._took = time.perf_counter(), 0.0
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
        # A second Ctrl-C does not wait. The thread's error says nothing here: either something
        # else ended the run, or it is done and the artifact follows.
        if kind is not KeyboardInterrupt and self._sending is not None:
            self._sending.join()

    def after(self, step: int, *, stopping: bool) -> None:
        """Called after `step` updates: writes a checkpoint if there is a reason to.

        Args:
            step: Updates done.
            stopping: Nothing follows: returns when the checkpoint is complete.

        Raises:
            LingraftError: When stopping: the checkpoint could not be sent.
        """
        apart, first = is_sharded(self._state.parameters.values()), self._ctx.rank == 0
        if not (apart or first):
            return
        wanted = first and (stopping or self._news() or self._due())
        if apart and agreed(wanted, self._ctx.device) and not first:
            write(self._state, self._done, step, None)  # its part of it
        if wanted:
            self._wait()
            began = self._saved = time.perf_counter()
            with ExitStack() as files:
                folder = files.enter_context(tempfile.TemporaryDirectory(dir=self._ctx.scratch))
                write(self._state, self._done, step, Path(folder))
                self._sending = threading.Thread(
                    target=self._send,
                    args=(step, Path(folder), files.pop_all(), began),
                    name="checkpoint",
                    daemon=True,
                )
            self._sending.start()
        if stopping:
            self._wait(needed=True)

    def _news(self) -> bool:
        """One checkpoint for each notice: the node is there for a while yet, and so is the news."""
        leaving = self._ctx.nodes_leaving()
        news = not leaving <= self._noticed
        self._noticed |= leaving
        return news

    def _due(self) -> bool:
        if CHECKPOINT_SECONDS == 0:
            return True
        if self._sending is not None and self._sending.is_alive():
            return False
        every = max(CHECKPOINT_SECONDS, COST * self._took)
        return time.perf_counter() - self._saved >= every

    def _send(self, step: int, folder: Path, files: ExitStack, began: float) -> None:
        try:
            with files:
                self._ctx.save_checkpoint(step, folder)
        except BaseException as error:  # raised in the training thread
            self._error = error
            log.warning("the checkpoint of update %d could not be sent: %s", step, error)
        else:
            self._took = time.perf_counter() - began

    def _wait(self, *, needed: bool = False) -> None:
        """Wait for the one being sent; a store that did not take it matters if it is needed."""
        if self._sending is not None:
            self._sending.join()
            self._sending = None
        error, self._error = self._error, None
        if error is not None and (needed or not isinstance(error, LingraftError)):
            raise error
