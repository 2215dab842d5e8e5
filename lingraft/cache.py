"""The local cache: downloaded artifacts and sources, each in a folder of its own."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lingraft.stage import FileRecord
from lingraft.store.disk import disk_errors, is_intact, locked

_RECORDS = TypeAdapter(tuple[FileRecord, ...])


def cache_dir() -> Path:
    """`LINGRAFT_CACHE`, or `lingraft` in `XDG_CACHE_HOME` or in `~/.cache`."""
    if own := os.environ.get("LINGRAFT_CACHE"):
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lingraft"


def populate(folder: Path, fill: Callable[[Path], tuple[FileRecord, ...]]) -> Path:
    """The folder with what `fill` once wrote to it, checked by sha256 and filled anew if damaged.

    Processes that want the same folder wait for the one that fills it; one that dies half-way
    leaves a folder under another name, which the next one clears.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    records = folder.with_name(f".{folder.name}.json")
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_name(f".{folder.name}.lock")):
            if folder.is_dir() and records.is_file():
                try:
                    if is_intact(folder, _RECORDS.validate_json(records.read_bytes())):
                        return folder
                except ValidationError:
                    pass
            for stale in (partial, folder):
                shutil.rmtree(stale, ignore_errors=True)
            written = fill(partial)
            records.write_bytes(_RECORDS.dump_json(written, by_alias=True))
            partial.rename(folder)
    return folder
