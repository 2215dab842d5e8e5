"""A store in a directory, shared between processes (and machines, on a file system with flock).

Files are written under a temporary name, synced and renamed. Conditions are checked and
the rename done under one lock, so conditional writes are as atomic as S3's. A file is
never changed in place: its time, inode and size are its ETag.
"""

import io
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lingraft.limits import OBJECT_BYTES
from lingraft.store.base import ArtifactStore, Conflict, ObjectInfo, checked_key
from lingraft.store.disk import copy_hashed, disk_errors, locked


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"


class FileStore(ArtifactStore):
    """Artifacts under a local directory, which is made by the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.uri = root.as_uri().rstrip("/") + "/"

    def get(self, key: str, *, most: int = OBJECT_BYTES) -> tuple[bytes, str] | None:
        """See `ArtifactStore.get`."""
        path = self._root / checked_key(key)
        with disk_errors(path):
            try:
                with path.open("rb") as stream:
                    status = os.fstat(stream.fileno())
                    if status.st_size > most:
                        raise self.too_large(key, status.st_size, most)
                    return stream.read(most), _etag(status)
            except FileNotFoundError:
                return None

    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        """See `ArtifactStore.get_range`."""
        path = self._root / checked_key(key)
        with disk_errors(path), path.open("rb") as stream:
            if if_match not in (None, _etag(os.fstat(stream.fileno()))):
                raise Conflict("this object changed meanwhile", where=self.uri + key)
            stream.seek(start)
            return stream.read(size)

    def put(
        self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
    ) -> str:
        """See `ArtifactStore.put`."""

        def check() -> None:
            if if_absent or if_match is not None:
                path = self._root / key
                found = _etag(path.stat()) if path.exists() else None
                if found != if_match:
                    raise Conflict("this object changed meanwhile", where=self.uri + key)

        return self._write(key, io.BytesIO(data), check)[2]

    def put_file(self, key: str, local: Path) -> tuple[int, str]:
        """See `ArtifactStore.put_file`."""
        with local.open("rb") as source:
            return self._write(key, source)[:2]

    def _write(
        self, key: str, source: IO[bytes], check: Callable[[], None] | None = None
    ) -> tuple[int, str, str]:
        """(bytes, sha256, ETag) of the written file."""
        path = self._root / checked_key(key)
        temporary = self._root / ".tmp" / uuid.uuid4().hex
        with disk_errors(path):
            try:
                temporary.parent.mkdir(parents=True, exist_ok=True)
                with open(temporary, "xb") as target:  # the umask decides who may read it
                    size, sha256 = copy_hashed(source, target)
                    target.flush()
                    # Nanoseconds of our own: the kernel's clock ticks too slowly for an ETag.
                    os.utime(target.fileno(), ns=(now := time.time_ns(), now))
                    os.fsync(target.fileno())
                    etag = _etag(os.fstat(target.fileno()))
                with locked(self._root / ".lock"):
                    if check is not None:
                        check()
                    path.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        return size, sha256, etag

    def age(self, key: str, *, if_match: str) -> float:
        """See `ArtifactStore.age`: the file system's clock, which may be another machine's."""
        path = self._root / checked_key(key)
        probe = self._root / ".tmp" / uuid.uuid4().hex
        with disk_errors(path):
            status = path.stat() if path.exists() else None
            if status is None or _etag(status) != if_match:
                raise Conflict("this object changed meanwhile", where=self.uri + key)
            try:
                probe.parent.mkdir(parents=True, exist_ok=True)
                probe.touch()
                return max(0.0, probe.stat().st_ctime - status.st_ctime)
            finally:
                probe.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """See `ArtifactStore.delete`; folders left empty go too."""
        path = self._root / checked_key(key)
        if not path.exists():
            return
        with disk_errors(path), locked(self._root / ".lock"):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._root or any(folder.iterdir()):
                    break
                folder.rmdir()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ArtifactStore.list`."""
        found: list[ObjectInfo] = []
        with disk_errors(self._root):
            for folder, _, names in os.walk(self._root / prefix.rpartition("/")[0]):
                for name in names:
                    path = Path(folder, name)
                    key = path.relative_to(self._root).as_posix()
                    # Only the temporary files and the lock stand in dotted places at the root.
                    if not key.startswith(prefix) or key.startswith((".tmp/", ".lock")):
                        continue
                    try:
                        status = path.stat()
                    except FileNotFoundError:  # deleted meanwhile
                        continue
                    found.append(ObjectInfo(key, status.st_size, _etag(status), status.st_mtime))
        yield from sorted(found, key=lambda info: info.key)

    def get_file(self, key: str, local: Path, *, if_match: str | None = None) -> tuple[int, str]:
        """See `ArtifactStore.get_file`."""
        path = self._root / checked_key(key)
        with disk_errors(path):
            source = path.open("rb")
        with source, disk_errors(local), local.open("wb") as target:
            if if_match not in (None, _etag(os.fstat(source.fileno()))):
                raise Conflict("this object changed meanwhile", where=self.uri + key)
            return copy_hashed(source, target)

    def local_path(self, key: str) -> Path | None:
        """See `ArtifactStore.local_path`."""
        return self._root / key
