"""Ctrl-C and SIGTERM, kept waiting until an update is whole.

Stopping in the middle of an optimizer step would leave half-updated parameters, so inside
`deferred` the first signal only asks to stop; the loop writes a checkpoint and stops itself.
A second Ctrl-C stops at once.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within this context, gives a function that says whether somebody asked to stop."""
    if threading.current_thread() is not threading.main_thread():
        # Python delivers signals to the main thread only; Ray trains in another one.
        yield lambda: False
        return
    asked = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {which: signal.signal(which, remember) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
