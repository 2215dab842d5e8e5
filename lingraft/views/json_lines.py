"""One JSON object per event and line, for machines."""

import json
import math
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from types import TracebackType
from typing import Any, Self, TextIO

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress


class JsonView:
    """A listener that writes `{"event": ..., "stage": ..., ...}` lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        return None

    def event(self, event: str, **fields: object) -> None:
        """Write an event of its own."""
        line = json.dumps({"event": event, **_finite(fields)}, ensure_ascii=False, allow_nan=False)
        with self._lock:
            print(line, file=self._stream, flush=True)

    def started(self, name: str) -> None:
        """See `Listener`."""
        self.event("started", stage=name)

    def cached(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self.event("cached", stage=name, manifest=manifest.to_json())

    def progress(self, name: str, progress: Progress) -> None:
        """See `Listener`."""
        self.event("progress", stage=name, progress=progress.to_json())

    def finished(self, name: str, manifest: Manifest) -> None:
        """See `Listener`."""
        self.event("finished", stage=name, manifest=manifest.to_json())

    def failed(self, name: str, error: Exception) -> None:
        """See `Listener`."""
        self.event("failed", stage=name, **error_fields(error))

    def waiting(self, name: str, message: str) -> None:
        """See `Listener`."""
        self.event("waiting", stage=name, message=message)


def error_fields(error: BaseException) -> dict[str, str]:
    """An error's message, where, and failure class."""
    if isinstance(error, LingraftError):
        fields = {"message": error.message, "where": error.where}
        return {**fields, "failureClass": error.failure_class}
    message = f"{type(error).__name__}: {error}"
    return {"message": message, "where": "", "failureClass": "infrastructure"}


def _finite(value: Any) -> Any:
    """A diverged run's NaN is no JSON: null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


@contextmanager
def only_events_on_stdout() -> Generator[TextIO]:
    """Yield the real stdout; whatever else is printed meanwhile, by libraries too, is on stderr."""
    stream = sys.stdout
    try:
        number, errors = stream.fileno(), sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # no real files: under a test runner
        with redirect_stdout(sys.stderr):
            yield stream
        return
    stream.flush()
    saved = os.dup(number)
    os.dup2(errors, number)
    try:
        with os.fdopen(os.dup(saved), "w", encoding="utf-8") as events, redirect_stdout(sys.stderr):
            yield events
    finally:
        stream.flush()
        os.dup2(saved, number)
        os.close(saved)
