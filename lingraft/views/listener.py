"""What a run says of itself; a view is whatever listens."""

from typing import Protocol, Self

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress


class Listener(Protocol):
    """Told of everything that happens to a plan's stages; used as a context."""

    def __enter__(self) -> Self:
        """Start showing."""
        ...

    def __exit__(self, *reason: object) -> None:
        """Stop showing; leave the terminal as it was."""
        ...

    def cached(self, name: str, manifest: Manifest) -> None:
        """The stage's manifest was there already."""
        ...

    def started(self, name: str) -> None:
        """The stage begins."""
        ...

    def progress(self, name: str, progress: Progress) -> None:
        """How far it is; may come at every step."""
        ...

    def finished(self, name: str, manifest: Manifest) -> None:
        """The stage is done."""
        ...

    def failed(self, name: str, error: LingraftError) -> None:
        """The stage failed; the run ends."""
        ...
