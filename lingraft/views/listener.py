"""What the local executor tells, and to whom."""

from typing import Protocol

from lingraft.stage import Manifest, Progress


class Listener(Protocol):
    """Told of everything that happens to a plan's stages, from whatever thread it happens in."""

    def started(self, name: str) -> None:
        """A stage is going to be computed."""

    def cached(self, name: str, manifest: Manifest) -> None:
        """A stage was in the store already."""

    def progress(self, name: str, progress: Progress) -> None:
        """A stage's heartbeat."""

    def finished(self, name: str, manifest: Manifest) -> None:
        """A stage is done and published."""

    def failed(self, name: str, error: Exception) -> None:
        """A stage failed; the exception is raised as well."""

    def waiting(self, name: str, message: str) -> None:
        """A stage waits for something, such as another holder's lease."""
