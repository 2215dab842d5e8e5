"""Plain lines, for logs and pipes: one when something happens, one every ten seconds."""

import time
from typing import Self

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress
from lingraft.views.text import describe, outcome

EVERY_SECONDS = 10.0


class Plain:
    """Writes lines to standard output."""

    def __init__(self) -> None:
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def cached(self, name: str, manifest: Manifest) -> None:
        """One line."""
        print(f"{name}: cached", flush=True)

    def started(self, name: str) -> None:
        """One line."""
        self._last = time.monotonic()
        print(f"{name}: started", flush=True)

    def progress(self, name: str, progress: Progress) -> None:
        """A line at most every ten seconds."""
        if time.monotonic() - self._last >= EVERY_SECONDS:
            self._last = time.monotonic()
            print(f"{name}: {describe(progress)}", flush=True)

    def finished(self, name: str, manifest: Manifest) -> None:
        """One line, and one for each warning."""
        print(f"{name}: done ({outcome(manifest)})", flush=True)
        for warning in manifest.metrics.get("warnings", []):
            print(f"{name}: warning: {warning}", flush=True)

    def failed(self, name: str, error: LingraftError) -> None:
        """One line; the sentence itself goes to standard error at the end."""
        print(f"{name}: failed", flush=True)
