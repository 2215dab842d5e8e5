"""Which passes were under way when the operator was killed: what kills it twice is set aside.

A file for each, in a folder that outlives the container (not its pod): written before a pass, gone
after it. After a death all that were under way are suspects, which are then looked at one at a
time; the second death tells which of them it was. Two deaths may still be chance, or a bucket that
is smaller by now: what is set aside gets another look, alone, after a while that doubles.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lingraft.stage import sha256_of
from lingraft_operator.world import Key

DEATHS = 2
FIRST_SECONDS, MOST_SECONDS = 60.0, 6 * 3600.0
"""How long a resource is set aside after that many deaths, and at most, however many there are."""
Asked = tuple[str, int, str]
"""A resource's uid, generation and value of lingraft.dev/retry: a new one begins anew."""


class Marks:
    """The marks, for all worker threads."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Read what the process before left.

        Args:
            folder: Where the files are.
            clock: Seconds; it goes on where the process before ended.
        """
        self._folder, self._clock, self._lock = folder, clock, threading.Lock()
        self._until: dict[Key, float] = {}
        self._deaths: dict[Key, tuple[Asked, int]] = {}
        self._alone: Key | None = None
        self._under_way: dict[Key, Asked] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.json"):
            try:
                self._count(json.loads(file.read_text()))
            except (ValueError, KeyError, TypeError):  # killed while it was written
                file.unlink(missing_ok=True)

    def _count(self, left: dict[str, Any]) -> None:
        key, (uid, generation, retry) = (left["namespace"], left["name"]), left["asked"]
        deaths, until = left["deaths"], float(left["until"])
        if left["underWay"]:
            deaths += 1
            more = min(deaths - DEATHS, 16)
            until = self._clock() + min(FIRST_SECONDS * 2**more, MOST_SECONDS)
        self._deaths[key] = (uid, generation, retry), deaths
        self._until[key] = until
        self._write(key, (uid, generation, retry), deaths, under_way=False)

    def sets_aside(self, key: Key, asked: Asked) -> float:
        """Seconds for which a resource, as it is asked for, is not looked at; 0: it may be."""
        with self._lock:
            if self._known(key, asked) < DEATHS:
                return 0.0
            return max(0.0, self._until[key] - self._clock())

    def begin(self, key: Key, asked: Asked) -> bool:
        """Mark a pass; False where it has to wait, for another suspect is looked at."""
        with self._lock:
            deaths = self._known(key, asked)
            if deaths and self._alone is not None:
                return False
            self._alone = key if deaths else self._alone
            self._under_way[key] = asked
            self._write(key, asked, deaths, under_way=True)
            return True

    def end(self, key: Key) -> None:
        """It came to its end: nothing is held against it any more."""
        with self._lock:
            self._alone = None if self._alone == key else self._alone
            self._under_way.pop(key, None)
            self._deaths.pop(key, None)
            self._until.pop(key, None)
            self._file(key).unlink(missing_ok=True)

    def close(self) -> None:
        """The process ends because it was told to: what is still under way is no suspect."""
        with self._lock:
            for key, asked in self._under_way.items():
                self._write(key, asked, self._known(key, asked), under_way=False)

    def _known(self, key: Key, asked: Asked) -> int:
        before, deaths = self._deaths.get(key, (asked, 0))
        return deaths if before == asked else 0

    def _write(self, key: Key, asked: Asked, deaths: int, *, under_way: bool) -> None:
        left = {"namespace": key[0], "name": key[1], "asked": asked}
        until = self._until.get(key, 0.0)
        content = json.dumps(left | {"deaths": deaths, "underWay": under_way, "until": until})
        self._file(key).write_text(content)

    def _file(self, key: Key) -> Path:
        return self._folder / f"{sha256_of(key)[:32]}.json"
