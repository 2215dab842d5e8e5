"""Which namespaces may take a worker now: no tenant's store may keep them all.

A store that answers slowly keeps the worker that reads it. So one namespace gets half of the
workers, and one whose passes were found to be slow gets one, all of those together half. Resources
of many stages, whose passes take long whatever their store does, together get half too.
"""

import time
from collections.abc import Callable

from lingraft_operator.world import Key

SLOW_SECONDS = 10.0
"""A pass that takes so long is slow."""


class Lanes:
    """The passes that are under way; called under the queue's lock."""

    def __init__(self, workers: int, now: Callable[[], float] = time.monotonic) -> None:
        """None is under way.

        Args:
            workers: How many there are.
            now: Seconds.
        """
        self._half, self._now = max(1, (workers + 1) // 2), now
        self._began: dict[Key, float] = {}
        self._large: set[Key] = set()
        self._slow: set[str] = set()

    def begin(self, key: Key, *, large: bool = False) -> None:
        """A worker takes a key, which may be of many stages."""
        self._began[key] = self._now()
        if large:
            self._large.add(key)

    def end(self, key: Key) -> None:
        """It gives it back."""
        self._large.discard(key)
        took = self._now() - self._began.pop(key, self._now())
        if took > SLOW_SECONDS:
            self._slow.add(key[0])
        else:
            self._slow.discard(key[0])

    def allows(self, namespace: str, *, large: bool = False) -> bool:
        """Whether a worker may take a key of a namespace."""
        if large and len(self._large) >= self._half:
            return False
        now = self._now()
        slow = self._slow | {k[0] for k, at in self._began.items() if now - at > SLOW_SECONDS}
        own = sum(key[0] == namespace for key in self._began)
        if namespace in slow:
            return not own and sum(key[0] in slow for key in self._began) < self._half
        return own < self._half
