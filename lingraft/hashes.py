"""The sha256 of local files, remembered: gigabytes of text are not read again for every plan."""

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from lingraft.cache import cache_dir
from lingraft.store.disk import hash_file, in_parallel

SETTLED_NS = 2 * 10**9
"""A file that was written less than this before it was read might change within its time's tick."""
MOST = 100_000  # files


class Version(NamedTuple):
    """What changes with a file's content."""

    path: str
    size: int
    modified: int
    changed: int
    """Nobody can set this time, unlike the one before. Nanoseconds, both."""
    inode: int


def sha256_of_files(paths: Sequence[Path], *, anew: bool = False) -> list[str]:
    """Each file's sha256 in hex; only those are read that are not as they were.

    Args:
        paths: The files.
        anew: Whether all are read, whatever their sizes and times say.

    Raises:
        FileNotFoundError: One went away.
    """
    versions = [_version(path, path.stat()) for path in paths]
    known = {} if anew else _recall(versions)

    def read(version: Version) -> str:
        return hash_file(Path(version.path))[1]

    started = time.time_ns()
    unknown = [one for one in versions if one not in known]
    found = dict(zip(unknown, in_parallel(read, unknown), strict=True))
    settled = started - SETTLED_NS
    _remember({one: sha for one, sha in found.items() if max(one[2:4]) < settled})
    return [known.get(one) or found[one] for one in versions]


def _version(path: Path, status: os.stat_result) -> Version:
    times = status.st_mtime_ns, status.st_ctime_ns
    return Version(str(path.absolute()), status.st_size, *times, status.st_ino)


def _recall(versions: Iterable[Version]) -> dict[Version, str]:
    try:
        with closing(_open()) as database:
            rows = (
                database.execute("SELECT * FROM files WHERE path = ?", (one.path,)).fetchone()
                for one in versions
            )
            return {Version(*row[:5]): row[5] for row in rows if row}
    except (sqlite3.Error, OSError, RuntimeError):  # no home, or no right to it: all are read
        return {}


def _remember(found: dict[Version, str]) -> None:
    if not found:
        return
    try:
        with closing(_open()) as database, database:
            rows = [(*version, sha256) for version, sha256 in found.items()]
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
            oldest = "SELECT rowid FROM files ORDER BY rowid DESC LIMIT -1 OFFSET ?"
            database.execute(f"DELETE FROM files WHERE rowid IN ({oldest})", (MOST,))
    except (sqlite3.Error, OSError, RuntimeError):  # they are read again next time
        pass


def _open() -> sqlite3.Connection:
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "hashes.sqlite", timeout=10)
    database.execute(
        "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, "
        "changed INTEGER, inode INTEGER, sha256 TEXT)"
    )
    return database
