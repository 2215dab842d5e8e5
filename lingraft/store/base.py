"""The artifact store: keys to bytes with conditional writes, and whole directories.

A backend supplies the primitives (`file.py`, `s3.py`); what is done with directories is
the same for both and stands here. Nothing here knows what a stage is, but for the remedy
that a damaged file's message gives.
"""

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lingraft.errors import CorruptArtifactError, InfrastructureError, TooLargeError
from lingraft.limits import OBJECT_BYTES, too_large
from lingraft.stage import FileRecord
from lingraft.store.disk import check_found, disk_errors, in_parallel


class Conflict(InfrastructureError):
    """A conditional write or read found another state than the caller had seen."""


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing."""

    key: str
    size: int
    etag: str
    modified: float
    """Seconds since 1970, by the store's clock."""


def checked_key(key: str) -> str:
    """The key itself, if it is a plain relative path.

    Raises:
        CorruptArtifactError: It could lead out of the store, or of a download's folder.
    """
    if (
        not key
        or "\0" in key
        or key != str(PurePosixPath(key))
        or key[0] == "/"
        or (".." in key.split("/"))
    ):
        raise CorruptArtifactError("this is no plain relative path; look who wrote it", where=key)
    return key


class ArtifactStore(ABC):
    """A place for artifacts.

    Attributes:
        uri: The store's address, with a slash at its end; an object is `uri + key`.
    """

    uri: str

    def check_writes(self) -> None:  # noqa: B027 - most stores keep what they promise
        """Try whether what is written here is kept as writers rely on; once in a process.

        Raises:
            UnsuitableStoreError: The server lacks something.
            LingraftError: It could not be asked.
        """

    @abstractmethod
    def get(self, key: str, *, most: int = OBJECT_BYTES) -> tuple[bytes, str] | None:
        """The (bytes, ETag) of a small object, or None where there is none.

        Raises:
            TooLargeError: It has more than `most` bytes.
        """

    @abstractmethod
    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        """The bytes from `start` on, `size` of them or as many as there are.

        Raises:
            FileNotFoundError: There is no such object.
            Conflict: It is not the one with the ETag `if_match`.
        """

    @abstractmethod
    def put(
        self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
    ) -> str:
        """Write a small object whole or not at all; return its new ETag.

        Args:
            key: Relative to the store.
            data: The new content.
            if_absent: Write only where there is no such object.
            if_match: Write only over the object with this ETag.

        Raises:
            Conflict: The condition did not hold; nothing was written.
        """

    @abstractmethod
    def age(self, key: str, *, if_match: str) -> float:
        """Seconds since an object was written, by the store's own clock.

        Raises:
            Conflict: It is not the one with the ETag `if_match`, or there is none.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; none there is no error."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the order of keys."""

    @abstractmethod
    def put_file(self, key: str, local: Path) -> tuple[int, str]:
        """Write a file of any size; (bytes, hex sha256) of what was sent, not of what is there."""

    @abstractmethod
    def get_file(self, key: str, local: Path, *, if_match: str | None = None) -> tuple[int, str]:
        """Write an object of any size to `local`; (bytes, hex sha256) of what was written.

        Raises:
            FileNotFoundError: There is no such object.
            Conflict: It is not the one with the ETag `if_match`.
        """

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """Where the object (or folder) can be read in place; None if it must be downloaded."""

    def upload(self, local: Path, prefix: str) -> tuple[FileRecord, ...]:
        """Write every file under the directory `local` below `prefix`, in parallel."""

        def send(path: Path) -> FileRecord:
            name = path.relative_to(local).as_posix()
            size, sha256 = self.put_file(prefix + name, path)
            return FileRecord(path=name, size=size, sha256=sha256)

        return tuple(in_parallel(send, sorted(p for p in local.rglob("*") if p.is_file())))

    def download(self, prefix: str, files: Iterable[FileRecord], dest: Path) -> None:
        """Write the recorded files below `prefix` to the directory `dest`, in parallel.

        Raises:
            CorruptArtifactError: A file is missing or its bytes differ; it is not left in `dest`.
        """
        remedy = self.remedy(prefix)

        def fetch(record: FileRecord) -> None:
            target = dest / checked_key(record.path)
            where = f"{self.uri}{prefix}{record.path}"
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".part-{uuid.uuid4().hex}")
            try:
                check_found(self.get_file(prefix + record.path, part), record, where, remedy)
                os.replace(part, target)
            except FileNotFoundError:
                raise CorruptArtifactError(f"this file is missing; {remedy}", where=where) from None
            finally:
                part.unlink(missing_ok=True)

        with disk_errors(dest):
            dest.mkdir(parents=True, exist_ok=True)
            in_parallel(fetch, files)

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object below `prefix`, in parallel."""
        in_parallel(self.delete, [info.key for info in self.list(prefix)])

    def too_large(self, key: str, size: int, most: int) -> TooLargeError:
        """What is said of an object that is larger than what is read of it."""
        limit = f"at most {most >> 10:,} KiB of such a file are read"
        return too_large(f"this object has {size:,} bytes", limit, self.uri + key)

    def remedy(self, prefix: str) -> str:
        """What to do about a damaged object: a key's first two parts are its stage's folder."""
        stage = "/".join(prefix.split("/")[:2])
        return f"delete the folder {self.uri}{stage}/ and run again: the stage is computed anew"
