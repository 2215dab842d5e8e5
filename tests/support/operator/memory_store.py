"""An artifact store in memory that may be slow, or refuse for a while."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lingraft.errors import InfrastructureError
from lingraft.limits import OBJECT_BYTES
from lingraft.store import budget
from lingraft.store.base import ArtifactStore, Conflict, ObjectInfo


class MemoryStore(ArtifactStore):
    """Objects with ETags; conditions as S3 keeps them."""

    def __init__(
        self, uri: str, on_read: Callable[[], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Make an empty one.

        Args:
            uri: Its address.
            on_read: Called before each read: what else may happen just then.
            now: Seconds by its own clock.
        """
        self.uri = uri.rstrip("/") + "/"
        self.refusing = False
        self._objects: dict[str, tuple[bytes, str]] = {}
        self._written: dict[str, float] = {}
        self._on_read, self._now, self._count = on_read, now, 0

    def _check(self) -> None:
        budget.check(self.uri)
        if self.refusing:
            raise InfrastructureError("the endpoint does not answer", where=self.uri)

    def get(self, key: str, *, most: int = OBJECT_BYTES) -> tuple[bytes, str] | None:
        self._on_read()
        self._check()
        found = self._objects.get(key)
        if found is not None and len(found[0]) > most:
            raise self.too_large(key, len(found[0]), most)
        return found

    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        found = self.get(key)
        if found is None:
            raise FileNotFoundError(key)
        if if_match not in (None, found[1]):
            raise Conflict("this object changed meanwhile", where=self.uri + key)
        return found[0][start : start + size]

    def everything(self) -> list[str]:
        """All keys; for the tests, that always works."""
        return list(self._objects)

    def size(self, key: str) -> int:
        """Bytes of an object; for the tests, that always works."""
        return len(self._objects[key][0])

    def plant(self, key: str, data: bytes) -> None:
        """Somebody puts an object there; for the tests, that always works."""
        self._count += 1
        self._objects[key] = data, f"e{self._count}"

    def lose(self, key: str) -> None:
        """Somebody deletes an object; for the tests, that always works."""
        self._objects.pop(key, None)

    def put(
        self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
    ) -> str:
        self._check()
        found = self._objects.get(key)
        if (if_absent and found) or (if_match and (found is None or found[1] != if_match)):
            raise Conflict("this object changed meanwhile", where=self.uri + key)
        self._count += 1
        self._objects[key] = data, f"e{self._count}"
        self._written[key] = self._now()
        return f"e{self._count}"

    def age(self, key: str, *, if_match: str) -> float:
        found = self.get(key)
        if found is None or found[1] != if_match:
            raise Conflict("this object changed meanwhile", where=self.uri + key)
        return self._now() - self._written[key]

    def delete(self, key: str) -> None:
        self._check()
        self._objects.pop(key, None)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._check()
        for key in sorted(self._objects):
            if key.startswith(prefix):
                data, etag = self._objects[key]
                yield ObjectInfo(key, len(data), etag, float(etag[1:]))

    def put_file(self, key: str, local: Path) -> tuple[int, str]:
        raise NotImplementedError

    def get_file(self, key: str, local: Path, *, if_match: str | None = None) -> tuple[int, str]:
        raise NotImplementedError

    def local_path(self, key: str) -> Path | None:
        return None
