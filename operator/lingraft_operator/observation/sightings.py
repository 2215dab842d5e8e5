"""When we saw trainers move: the one clock that ours can be compared with is ours.

A heartbeat and a lease carry the time of the trainer's machine, which may be minutes wrong. That
they changed since the last look is certain, and when we looked is too.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from lingraft_operator.bounded import Bounded
from lingraft_operator.world import Key, Signs

REMEMBERED = 10_000
"""Holders."""


class _Look(NamedTuple):
    progress: str
    lease: str
    at: datetime
    signs: Signs


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Sightings:
    """What was last seen of each holder, for all worker threads."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._looks = Bounded[Key, _Look](REMEMBERED)

    def look(self, holder: Key, *, progress: str, lease: str | None) -> None:
        """Note what is seen now.

        Args:
            holder: Namespace and holder.
            progress: What changes with each heartbeat that tells of progress.
            lease: What changes with each renewal of its lease; None: nobody looked.
        """
        now = self._now()
        with self._lock:
            last = self._looks.get(holder)
            if lease is None:
                lease = last.lease if last is not None else ""
            signs = Signs(heard=now) if last is None else last.signs
            if last is not None and (progress, lease) != (last.progress, last.lease):
                moved = last.at if progress != last.progress else last.signs.moved
                signs = Signs(heard=now, moved=moved)
            self._looks[holder] = _Look(progress, lease, now, signs)

    def signs(self, holder: Key) -> Signs | None:
        """When a holder was heard of; None if nobody looked."""
        with self._lock:
            found = self._looks.get(holder)
        return found.signs if found else None
