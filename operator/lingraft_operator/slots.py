"""`pools.*.maxConcurrentStages`: how many RayJobs may live, oldest resource first."""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime

from lingraft.pools import PoolName
from lingraft_operator.config import PoolConfigs
from lingraft_operator.metrics import POOLS
from lingraft_operator.world import Key


class Slots:
    """Who waits for a slot, and how many are free."""

    def __init__(self, pools: PoolConfigs, live: Callable[[], Mapping[PoolName, int]]) -> None:
        self._limits: dict[PoolName, int | None] = {
            name: pools[name].max_concurrent_stages for name in POOLS
        }
        self._live = live
        self._lock = threading.Lock()
        self._taken: Counter[PoolName] = Counter()
        self._waiting: dict[PoolName, dict[Key, tuple[datetime, int]]] = {"small": {}, "large": {}}

    def free(self, key: Key, created_at: datetime) -> dict[PoolName, int]:
        """Slots that a resource may take now: what is free less what older ones wait for."""
        none: dict[PoolName, int] = {}
        live = self._live() if any(self._limits.values()) else none
        found: dict[PoolName, int] = {}
        with self._lock:
            for pool, limit in self._limits.items():
                if limit is None:
                    continue
                mine = (created_at, key)
                older = sum(
                    count
                    for other, (since, count) in self._waiting[pool].items()
                    if (since, other) < mine and other != key
                )
                found[pool] = max(0, limit - live.get(pool, 0) - self._taken[pool] - older)
        return found

    @contextmanager
    def taken(self, pool: PoolName) -> Generator[bool]:
        """Hold a slot while a RayJob is created; False if another worker was faster."""
        limit = self._limits[pool]
        if limit is None:
            yield True
            return
        with self._lock:
            got = self._live().get(pool, 0) + self._taken[pool] < limit
            self._taken[pool] += got
        try:
            yield got
        finally:
            with self._lock:
                self._taken[pool] -= got

    def wait(self, key: Key, created_at: datetime, pools: Mapping[PoolName, int]) -> None:
        """Put a resource into the line of the pools where it waits, and out of the others."""
        with self._lock:
            for pool, line in self._waiting.items():
                if pools.get(pool):
                    line[key] = (created_at, pools[pool])
                else:
                    line.pop(key, None)

    def next_in_line(self) -> list[Key]:
        """Who may start now."""
        live, found = self._live(), list[Key]()
        with self._lock:
            for pool, line in self._waiting.items():
                free = (self._limits[pool] or 0) - live.get(pool, 0)
                found += heapq.nsmallest(free, line, key=lambda k: (line[k][0], k))
        return found
