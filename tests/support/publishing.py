"""Versions to publish, and what a reader finds."""

import hashlib
from pathlib import Path
from typing import Any

from lingraft.publish import Place, Published
from lingraft.stage import FileRecord
from lingraft.store.base import ArtifactStore


def version(name: str, files: tuple[FileRecord, ...], **changes: Any) -> Published:
    """A version's record."""
    given = {
        "version": name,
        "language": "fr",
        "as": "pack",
        "graft": f"graft/{name}",
        "created_at": f"2026-01-01T00:00:0{sum(map(ord, name)) % 10}Z",
        "files": files,
        "scores": {},
        "load_test": {},
    }
    return Published.model_validate(given | changes)


def write(folder: Path, name: str) -> Path:
    """Files that are told from another version's."""
    made = folder / name
    (made / "tokenizer").mkdir(parents=True, exist_ok=True)
    (made / "pack.json").write_text(name)
    (made / "tokenizer/tokenizer.json").write_text(f"{name} words")
    return made


def publish(store: ArtifactStore, folder: Path, name: str) -> str:
    """Publish a version; which one holds afterwards."""
    place = Place(store)
    made = place.put(name, write(folder, name), lambda files: version(name, files))
    return place.make_current(made).version


def read(store: ArtifactStore) -> str | None:
    """What a reader gets: the version whose files are all there, to the byte; None before any.

    Raises:
        AssertionError: current.json names what is not whole.
    """
    place = Place(store)
    now = place.current()
    if now is None:
        return None
    whole = place.version(now.version)
    assert whole is not None, f"{now.version} is not whole"
    for record in whole.files:
        found = store.get(f"{now.version}/{record.path}")
        assert found is not None, record.path
        assert hashlib.sha256(found[0]).hexdigest() == record.sha256
    assert {"pack.json", "tokenizer/tokenizer.json"} == {one.path for one in whole.files}
    return now.version
