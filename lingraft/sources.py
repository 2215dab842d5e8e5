"""External inputs (checkpoints, text, task data): pinned when planned, fetched as pinned."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from lingraft.cache import populate
from lingraft.errors import OutsideError, UserError
from lingraft.hashes import sha256_of_files
from lingraft.hub.mirror import command_for
from lingraft.limits import LISTED, TEXT_OBJECTS, at_most
from lingraft.pins import UnsortedError, pinned
from lingraft.selection import WEIGHTS, WEIGHTS_INDEX, is_weights, selected
from lingraft.stage import FileRecord, Source
from lingraft.store.base import Conflict, ObjectInfo, checked_key
from lingraft.store.disk import disk_errors, hash_file, in_parallel
from lingraft.store.uri import S3Location, parse_uri
from lingraft.tensors import Part, Read, copy_tensors
from lingraft.text_names import TextFiles, check_text_file

if TYPE_CHECKING:
    from lingraft.store.s3 import S3Store


class _Object(NamedTuple):
    """One object of a source, as it is now."""

    key: str
    """Relative to the source's URI; empty if the URI is a file."""
    size: int
    """Bytes."""
    tag: str
    """`sha256:...` of a local file, `etag:...` of an S3 object."""


def fingerprint(uri: str, reads: str | None = None, *, anew: bool = False) -> Source:
    """The source at a URI as it is now: the files of a directory or prefix, or the one file.

    Files and folders whose names start with a dot are not part of it, nor is what is not read.
    Local content is hashed (once per version, see `hashes`); of an S3 object, size and ETag are
    taken.

    Args:
        uri: The source.
        reads: What is read of it (`lingraft.selection`).
        anew: Whether local files are hashed whatever their sizes and times say.

    Raises:
        OutsideError: There is nothing.
        UserError: There is nothing that can be read so.
    """
    location = parse_uri(uri)
    if isinstance(location, S3Location) and reads == "text":
        try:
            source = pinned(uri, _text_objects(location, uri), reads)
        except UnsortedError:  # not every server keeps the order of S3
            source = pin(uri, _objects(uri, reads), reads)
    else:
        source = pin(uri, _objects(uri, reads, anew=anew), reads)
    if not source.objects:
        wanted = "write the URI of a file, or of a folder with files in it"
        if command := command_for(uri):
            wanted = f"bring it to the mirror with: {command}"
        raise OutsideError(f"nothing is there; {wanted}", where=uri)
    return source


def pin(uri: str, objects: Iterable[tuple[str, int, str]], reads: str | None = None) -> Source:
    """The source that has these objects, given as (key, bytes, tag) in any order."""
    return pinned(uri, sorted(objects), reads)


def fetch_source(source: Source, cache_dir: Path, part: Part | None = None) -> Path:
    """The local file or directory with exactly what was pinned.

    Local sources are read in place; S3's are downloaded once to `cache_dir`.

    Args:
        source: As it was pinned.
        cache_dir: Where downloads lie.
        part: Of a checkpoint, the tensors that are wanted: the others do not travel.

    Raises:
        OutsideError: An object was changed, added or removed since the source was planned.
    """
    # What was pinned is fetched, however much it is: this is the tenant's own pod.
    objects = _objects(source.uri, source.reads, most=TEXT_OBJECTS)
    now = pin(source.uri, objects, source.reads)
    if now.fingerprint != source.fingerprint:
        raise _changed(source, now)
    location = parse_uri(source.uri)
    if not isinstance(location, S3Location):
        return location

    store, name = s3_store(location)
    single = [found.key for found in objects] == [""]

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        def fetch(found: _Object) -> FileRecord:
            path = folder / checked_key(found.key or name)
            path.parent.mkdir(parents=True, exist_ok=True)
            key = _joined(name, found.key)
            try:
                etag = found.tag.removeprefix("etag:")
                size, sha256 = store.get_file(key, path, if_match=etag)
            except (FileNotFoundError, Conflict):
                raise _changed(source, now) from None
            if size != found.size:
                raise _changed(source, now)
            return FileRecord(path=path.relative_to(folder).as_posix(), size=size, sha256=sha256)

        weights = [] if part is None else [one for one in objects if is_weights(one.key)]
        records = in_parallel(fetch, [one for one in objects if one not in weights])
        if part is not None:
            files = [one for one in weights if one.key != WEIGHTS_INDEX]
            reads = {f"{source.uri}{one.key}": _reader(store, name, one) for one in files}
            try:
                copy_tensors(reads, part, folder / WEIGHTS)
            except (FileNotFoundError, Conflict):
                raise _changed(source, now) from None
            size, sha256 = hash_file(folder / WEIGHTS)
            records.append(FileRecord(path=WEIGHTS, size=size, sha256=sha256))
        return tuple(records)

    # A single file keeps its name (the suffix tells its format), which is not fingerprinted.
    home = source.fingerprint + (f"-{name}" if single else f"-{part.name}" if part else "")
    folder = populate(cache_dir / "source" / home, fill)
    return folder / name if single else folder


def _joined(name: str, key: str) -> str:
    return "/".join(one for one in (name, key) if one)


def _reader(store: "S3Store", name: str, found: _Object) -> Read:
    """Reads ranges of one object as it was pinned."""
    key, etag = _joined(name, found.key), found.tag.removeprefix("etag:")
    return lambda start, size: store.get_range(key, start, size, if_match=etag)


def _changed(then: Source, now: Source) -> OutsideError:
    known = ""
    if (then.objects, then.bytes) != (now.objects, now.bytes):
        known = f" (files: {then.objects} then, {now.objects} now;"
        known += f" bytes: {then.bytes} then, {now.bytes} now)"
    message = f"changed since it was planned{known}; put the former content back, or plan again"
    return OutsideError(message, where=then.uri)


def _text_objects(location: S3Location, uri: str) -> Iterator[_Object]:
    """The text at a location in the order of the listing, of which nothing is kept in memory."""
    store, name = s3_store(location)
    files = TextFiles()
    anything = False
    for key, info in s3_objects(store, name, TEXT_OBJECTS):
        anything = True
        with _at(uri):
            if not key:
                check_text_file(name)
        if not key or files.takes(key):
            yield _Object(key, info.size, f"etag:{info.etag}")
            if not key:
                return
    if anything:
        with _at(uri):
            files.check()


def _objects(
    uri: str, reads: str | None, most: int = LISTED, *, anew: bool = False
) -> tuple[_Object, ...]:
    """What is read of a URI, as it is now; nothing where there is nothing."""
    location = parse_uri(uri)
    if isinstance(location, S3Location):
        store, name = s3_store(location)
        found = dict(s3_objects(store, name, most))
        keys = _selected(list(found), reads, uri)
        return tuple(_Object(key, found[key].size, f"etag:{found[key].etag}") for key in keys)
    try:
        with disk_errors(location):
            keys = _selected(local_keys(location), reads, uri)
            paths = [location / key if key else location for key in keys]
            hashes = sha256_of_files(paths, anew=anew)
            sizes = [path.stat().st_size for path in paths]
        tags = [f"sha256:{one}" for one in hashes]
        return tuple(map(_Object, keys, sizes, tags))
    except FileNotFoundError as error:
        message = "this file went away, or is a broken link; remove it, or put it back"
        raise UserError(message, where=str(error.filename)) from error


def _selected(keys: list[str], reads: str | None, uri: str) -> list[str]:
    with _at(uri):
        return selected(keys, reads, PurePosixPath(uri).name)


@contextmanager
def _at(uri: str) -> Generator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(error.message, where=uri) from None


def _visible(key: str) -> bool:
    return not any(part.startswith(".") for part in key.split("/"))


def local_keys(root: Path) -> list[str]:
    """Keys below a directory, or the empty key of a file; links to files count as files."""
    if root.is_file():
        return [""]
    keys = [
        Path(folder, name).relative_to(root).as_posix()
        for folder, _, names in os.walk(root)
        for name in names
    ]
    found = sorted(key for key in keys if _visible(key))
    for key in found:
        if not key.isprintable() and any("\ud800" <= c <= "\udfff" for c in key):
            message = f"the name of its file {key!a} is not UTF-8; rename it"
            raise UserError(message, where=str(root))
    return found


def s3_store(location: S3Location) -> "tuple[S3Store, str]":
    """The store that holds a location, and the location's name in it (empty: all of it)."""
    from lingraft.store.s3 import S3Store

    folder, _, name = location.key.rpartition("/")
    return S3Store(location.bucket, folder), name


def s3_objects(store: "S3Store", name: str, most: int = LISTED) -> Iterator[tuple[str, ObjectInfo]]:
    """Every object at a name of a store, by its path below it; the empty one if it is a file.

    Raises:
        TooLargeError: There are more than `most`.
    """
    first = next(store.list(name), None) if name else None
    if first is not None and first.key == name:
        yield "", first
        return
    folder = f"{name}/" if name else ""
    for info in at_most(most, store.list(folder), store.uri + folder):
        key = info.key.removeprefix(folder)
        if _visible(key):
            yield key, info
