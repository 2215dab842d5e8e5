"""What lies at a URI, opened without being fetched: for a look before anything is spent."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lingraft.errors import UserError
from lingraft.sources import local_keys, s3_objects, s3_store
from lingraft.store.disk import disk_errors
from lingraft.store.uri import S3Location, parse_uri

if TYPE_CHECKING:
    from lingraft.store.base import ArtifactStore

FIRST_RANGE, MOST_RANGE = 64 << 10, 4 << 20
"""Bytes of the first request for an object, and of the later ones, which grow up to that."""


@dataclass(frozen=True)
class Place:
    """A file, or a folder of files.

    Attributes:
        location: Where it is.
        keys: Paths below a folder; one empty key if it is a file.
    """

    location: "Path | S3Location"
    keys: tuple[str, ...]

    @property
    def single(self) -> bool:
        """Whether it is a file."""
        return self.keys == ("",)

    def name(self, key: str) -> str:
        """The path or URI of one file."""
        if isinstance(self.location, Path):
            return str(self.location / key) if key else str(self.location)
        return f"s3://{self.location.bucket}/{_joined(self.location.key, key)}"

    def open(self, key: str) -> BinaryIO:
        """One file at its start; an object is read by ranges, as far as it is asked for.

        Raises:
            UserError: It may not be read.
        """
        if isinstance(self.location, Path):
            path = self.location / key if key else self.location
            with disk_errors(path):
                return path.open("rb")
        store, name = s3_store(self.location)
        return cast(BinaryIO, _Ranges(store, _joined(name, key), self.name(key)))


def look(uri: str) -> Place:
    """What is at a URI; no keys where there is nothing.

    Raises:
        LingraftError: It may not be read, or its store does not answer.
    """
    location = parse_uri(uri)
    if isinstance(location, S3Location):
        store, name = s3_store(location)
        return Place(location, tuple(key for key, _ in s3_objects(store, name)))
    with disk_errors(location):
        return Place(location, tuple(local_keys(location)))


def _joined(folder: str, key: str) -> str:
    return "/".join(part for part in (folder.rstrip("/"), key) if part)


class _Ranges(io.RawIOBase):
    """An object as a stream, fetched by ranges that grow."""

    def __init__(self, store: "ArtifactStore", key: str, name: str) -> None:
        self._store, self._key, self._name = store, key, name
        self._at, self._size, self._ahead, self._ended = 0, FIRST_RANGE, b"", False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        """Fill a buffer, with what was fetched ahead first."""
        if not self._ahead and not self._ended:
            try:
                self._ahead = self._store.get_range(self._key, self._at, self._size)
            except FileNotFoundError:
                message = "this object went away; put it back, or plan again"
                raise UserError(message, where=self._name) from None
            self._at += len(self._ahead)
            self._ended = len(self._ahead) < self._size
            self._size = min(2 * self._size, MOST_RANGE)
        data = self._ahead[: len(buffer)]
        buffer[: len(data)] = data
        self._ahead = self._ahead[len(data) :]
        return len(data)
