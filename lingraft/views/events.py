"""JSON lines for machines: one object per event on standard output, nothing else."""

import json
from typing import Any, Self

from lingraft.errors import LingraftError
from lingraft.stage import Manifest, Progress


class Events:
    """Writes events."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def cached(self, name: str, manifest: Manifest) -> None:
        """With the manifest."""
        emit("cached", stage=name, manifest=manifest.to_json())

    def started(self, name: str) -> None:
        """The stage's name."""
        emit("started", stage=name)

    def waiting(self, name: str, message: str) -> None:
        """With what it waits for."""
        emit("waiting", stage=name, message=message)

    def progress(self, name: str, progress: Progress) -> None:
        """With the progress, every time."""
        emit("progress", stage=name, progress=progress.to_json())

    def finished(self, name: str, manifest: Manifest) -> None:
        """With the manifest."""
        emit("finished", stage=name, manifest=manifest.to_json())

    def failed(self, name: str, error: LingraftError) -> None:
        """With the sentence and its class."""
        emit("failed", stage=name, error=error_object(error))


def emit(event: str, **content: Any) -> None:
    """Write one event."""
    print(json.dumps({"event": event, **content}, ensure_ascii=False), flush=True)


def error_object(error: LingraftError) -> dict[str, str]:
    """An error for machines."""
    return {"class": error.failure_class, "message": error.message, "where": error.where}
