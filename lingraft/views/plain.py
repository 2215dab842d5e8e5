"""Lines for logs and pipes: about one in ten seconds of each stage."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from lingraft.stage import Manifest, Progress
from lingraft.views.wording import duration, quantity

INTERVAL = 10.0


def progress_text(progress: Progress) -> str:
    """A heartbeat in one line."""
    parts = [progress.phase] if progress.phase else []
    if progress.steps:
        parts.append(f"step {progress.step:,} of {progress.steps:,}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.tokens_per_second is not None:
        parts.append(f"{quantity(progress.tokens_per_second)} tokens/s")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)


class PlainView:
    """A listener that writes one line per event."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        return None

    def _say(self, name: str, text: str) -> None:
        with self._lock:
            print(f"{name}: {text}", file=self._stream, flush=True)

    def started(self, name: str) -> None:
        """See `Listener`."""
        self._say(name, "started")

    def cached(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self._say(name, f"cached ({manifest.stage.digest[:12]})")

    def progress(self, name: str, progress: Progress) -> None:
        """See `Listener`; a new phase is told at once."""
        now = self._clock()
        last = self._last.get(name)
        if last is not None and last[1] == progress.phase and now - last[0] < INTERVAL:
            return
        self._last[name] = (now, progress.phase)
        self._say(name, progress_text(progress))

    def finished(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self._say(name, f"done in {duration(manifest.compute.seconds)}")

    def failed(self, name: str, error: Exception) -> None:
        """See `Listener`."""
        self._say(name, f"failed: {error}")

    def waiting(self, name: str, message: str) -> None:
        """See `Listener`; the same message is not repeated within the interval."""
        now = self._clock()
        last = self._last.get(name)
        if last is None or last[1] != message or now - last[0] >= INTERVAL:
            self._last[name] = (now, message)
            self._say(name, f"waiting: {message}")
