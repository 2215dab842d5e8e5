"""JSON lines for machines: one object per event on standard output, nothing else."""

import contextlib
import json
import math
import sys
import time
from typing import Any, Self, cast

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress

EVERY_SECONDS = 1.0


class Events:
    """Writes events; what libraries print meanwhile goes to standard error."""

    def __init__(self) -> None:
        self._out = sys.stdout
        self._aside = contextlib.redirect_stdout(sys.stderr)
        self._last = float("-inf")

    def __enter__(self) -> Self:
        self._aside.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._aside.__exit__(None, None, None)

    def event(self, event: str, **content: Any) -> None:
        """Write one event."""
        line = json.dumps(_finite({"event": event, **content}), ensure_ascii=False)
        print(line, file=self._out, flush=True)

    def cached(self, name: str, manifest: Manifest) -> None:
        """With the manifest."""
        self.event("cached", stage=name, manifest=manifest.to_json())

    def started(self, name: str) -> None:
        """The stage's name."""
        self.event("started", stage=name)

    def progress(self, name: str, progress: Progress) -> None:
        """With the progress, at most once a second."""
        if time.monotonic() - self._last < EVERY_SECONDS:
            return
        self._last = time.monotonic()
        self.event("progress", stage=name, progress=progress.to_json())

    def finished(self, name: str, manifest: Manifest) -> None:
        """With the manifest."""
        self.event("finished", stage=name, manifest=manifest.to_json())

    def failed(self, name: str, error: LingraftError) -> None:
        """With the sentence and its class."""
        content = {"class": error.failure_class, "message": error.message, "where": error.where}
        self.event("failed", stage=name, error=content)


def _finite(value: Any) -> Any:
    """NaN and infinities are no JSON: null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in cast(dict[str, Any], value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in cast(list[Any], value)]
    return value
