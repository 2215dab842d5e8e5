"""External inputs (checkpoints, text, task data): pinned when planned, fetched as pinned."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lingraft.cache import populate
from lingraft.errors import UserError
from lingraft.stage import FileRecord, Source, SourceObject
from lingraft.store.base import Conflict, ObjectInfo, checked_key
from lingraft.store.disk import disk_errors, hash_file, in_parallel
from lingraft.store.uri import S3Location, parse_uri

if TYPE_CHECKING:
    from lingraft.store.s3 import S3Store

_hashes: dict[tuple[str, int, int, int], str] = {}
_hashes_lock = threading.Lock()


def fingerprint(uri: str) -> Source:
    """The source at a URI as it is now: every file of a directory or prefix, or the one file.

    Files and folders whose names start with a dot are not part of it. Local content is hashed
    (once per process and version); of an S3 object, size and ETag are taken.

    Raises:
        UserError: There is nothing, or it may not be read.
    """
    location = parse_uri(uri)
    if isinstance(location, S3Location):
        store, name = _s3(location)
        objects = tuple(
            SourceObject(key=key, size=info.size, tag=f"etag:{info.etag}")
            for key, info in _s3_objects(store, name)
        )
    else:
        try:
            with disk_errors(location):
                keys = _local_keys(location)
                objects = tuple(in_parallel(lambda key: _local_object(location, key), keys))
        except FileNotFoundError as error:
            message = "this file went away, or is a broken link; remove it, or put it back"
            raise UserError(message, where=str(error.filename)) from error
    if not objects:
        message = "nothing is there; write the URI of a file, or of a folder with files in it"
        raise UserError(message, where=uri)
    return Source(uri=uri, objects=objects)


def fetch_source(source: Source, cache_dir: Path) -> Path:
    """The local file or directory with exactly what was pinned.

    Local sources are read in place; S3's are downloaded once to `cache_dir`.

    Raises:
        UserError: An object changed, or went, since the source was planned.
    """
    location = parse_uri(source.uri)
    if not isinstance(location, S3Location):

        def check(pinned: SourceObject) -> None:
            try:
                same = _local_object(location, pinned.key) == pinned
            except FileNotFoundError:
                same = False
            if not same:
                raise _changed(source, pinned)

        with disk_errors(location):
            in_parallel(check, source.objects)
            known = {pinned.key for pinned in source.objects}
            for key in _local_keys(location):
                if key not in known:  # it would be read with the others
                    raise _changed(source, SourceObject(key=key, size=0, tag=""))
        return location

    store, name = _s3(location)
    single = [o.key for o in source.objects] == [""]

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        def fetch(pinned: SourceObject) -> FileRecord:
            path = folder / checked_key(pinned.key or name)
            path.parent.mkdir(parents=True, exist_ok=True)
            key = "/".join(part for part in (name, pinned.key) if part)
            try:
                store.get_file(key, path, if_match=pinned.tag.removeprefix("etag:"))
            except (FileNotFoundError, Conflict):
                raise _changed(source, pinned) from None
            size, sha256 = hash_file(path)
            return FileRecord(path=path.relative_to(folder).as_posix(), size=size, sha256=sha256)

        return tuple(in_parallel(fetch, source.objects))

    # A single file keeps its name (the suffix tells its format), which is not fingerprinted.
    home = source.fingerprint + (f"-{name}" if single else "")
    folder = populate(cache_dir / "source" / home, fill)
    return folder / name if single else folder


def _changed(source: Source, pinned: SourceObject) -> UserError:
    place = source.uri if not pinned.key else f"{source.uri.rstrip('/')}/{pinned.key}"
    message = "changed since it was planned; put the former content back, or plan again"
    return UserError(message, where=place)


def _visible(key: str) -> bool:
    return not any(part.startswith(".") for part in key.split("/"))


def _local_keys(root: Path) -> list[str]:
    """Keys below a directory, or the empty key of a file; links to files count as files."""
    if root.is_file():
        return [""]
    keys = [
        Path(folder, name).relative_to(root).as_posix()
        for folder, _, names in os.walk(root)
        for name in names
    ]
    return sorted(key for key in keys if _visible(key))


def _local_object(root: Path, key: str) -> SourceObject:
    path = root / key if key else root
    status = path.stat()
    version = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    with _hashes_lock:
        known = _hashes.get(version)
    if known is None:
        known = hash_file(path)[1]
        with _hashes_lock:
            _hashes[version] = known
    return SourceObject(key=key, size=status.st_size, tag=f"sha256:{known}")


def _s3(location: S3Location) -> "tuple[S3Store, str]":
    """The store that holds a location, and the location's name in it (empty: all of it)."""
    from lingraft.store.s3 import S3Store

    folder, _, name = location.key.rpartition("/")
    return S3Store(location.bucket, folder), name


def _s3_objects(store: "S3Store", name: str) -> Iterator[tuple[str, ObjectInfo]]:
    first = next(store.list(name), None) if name else None
    if first is not None and first.key == name:
        yield "", first
        return
    folder = f"{name}/" if name else ""
    for info in store.list(folder):
        key = info.key.removeprefix(folder)
        if _visible(key):
            yield key, info
