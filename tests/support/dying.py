"""A store whose user dies at one of its writes: before it, or after it without hearing of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lingraft.store.base import ArtifactStore, ObjectInfo


class Died(BaseException):
    """The process is gone."""


class Dying(ArtifactStore):
    """Another store until its n-th write.

    Args:
        store: The real one.
        writes: Writes that go well; None: all.
        done: Whether the one at which its user dies is still done.
    """

    def __init__(self, store: ArtifactStore, writes: int | None, *, done: bool = False) -> None:
        self._store, self._left, self._done = store, writes, done
        self.uri = store.uri

    def _dies(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        if not self._done:
            raise Died
        return True

    def get(self, key: str, **limits: Any) -> tuple[bytes, str] | None:
        return self._store.get(key, **limits)

    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        return self._store.get_range(key, start, size, if_match=if_match)

    def put(
        self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
    ) -> str:
        dies = self._dies()
        etag = self._store.put(key, data, if_absent=if_absent, if_match=if_match)
        if dies:
            raise Died
        return etag

    def age(self, key: str, *, if_match: str) -> float:
        return self._store.age(key, if_match=if_match)

    def delete(self, key: str) -> None:
        dies = self._dies()
        self._store.delete(key)
        if dies:
            raise Died

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._store.list(prefix)

    def put_file(self, key: str, local: Path) -> tuple[int, str]:
        dies = self._dies()
        found = self._store.put_file(key, local)
        if dies:
            raise Died
        return found

    def get_file(self, key: str, local: Path, *, if_match: str | None = None) -> tuple[int, str]:
        return self._store.get_file(key, local, if_match=if_match)

    def local_path(self, key: str) -> Path | None:
        return self._store.local_path(key)
