"""`pools.*.maxConcurrentStages`: how many RayJobs may run, and who starts the next one.

A free slot goes to the namespace that has the fewest in this pool, and there to the oldest
resource. What Kueue holds back takes no slot: it runs by Kueue's quota, not by this one.
"""

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

Live = Mapping[PoolName, Mapping[str, int]]
"""RayJobs that may run, by pool and namespace."""
Line = Mapping[Key, tuple[datetime, int]]
"""Resources that wait: since when they are there, and for how many slots."""


def shares(free: int, live: Mapping[str, int], line: Line) -> Counter[Key]:
    """Who gets how many of the free slots, one after the other."""
    if free <= 0:  # as it mostly is where thousands wait: each pass of each of them asks
        return Counter()
    waiting: dict[str, list[tuple[datetime, Key, int]]] = {}
    for key, (since, count) in line.items():
        waiting.setdefault(key[0], []).append((since, key, count))
    turns: list[tuple[int, datetime, Key, int, str]] = []
    for namespace, own in waiting.items():
        heapq.heapify(own)
        turns.append((live.get(namespace, 0), *heapq.heappop(own), namespace))
    heapq.heapify(turns)
    given: Counter[Key] = Counter()
    for _ in range(free):
        if not turns:
            break
        has, since, key, count, namespace = heapq.heappop(turns)
        given[key] += 1
        rest = [(since, key, count - 1)] if count > 1 else waiting[namespace]
        if rest:
            heapq.heappush(turns, (has + 1, *heapq.heappop(rest), namespace))
    return given


class Slots:
    """Who waits for a slot, and how many are free."""

    def __init__(self, pools: PoolConfigs, live: Callable[[], Live]) -> None:
        self._limits: dict[PoolName, int] = {
            name: limit for name in POOLS if (limit := pools[name].max_concurrent_stages)
        }
        self._live = live
        self._lock = threading.Lock()
        self._taken: Counter[tuple[PoolName, str]] = Counter()
        self._waiting: dict[PoolName, dict[Key, tuple[datetime, int]]] = {"small": {}, "large": {}}

    def free(self, key: Key, created_at: datetime) -> dict[PoolName, int]:
        """Slots that a resource may take now, beside what others get that wait."""
        found: dict[PoolName, int] = {}
        with self._lock:
            for pool, limit in self._limits.items():
                line = self._waiting[pool] | {key: (created_at, limit)}
                found[pool] = self._shares(pool, line)[key]
        return found

    def _shares(self, pool: PoolName, line: Line) -> Counter[Key]:
        live = self._now(pool)
        return shares(max(0, self._limits[pool] - live.total()), live, line)

    def _now(self, pool: PoolName) -> Counter[str]:
        """What takes slots of a pool, by namespace."""
        live = Counter(self._live().get(pool, {}))
        live.update({where: n for (of, where), n in self._taken.items() if of == pool})
        return live

    @contextmanager
    def taken(self, pool: PoolName, namespace: str) -> Generator[bool]:
        """Hold a slot while a RayJob is created; False if another worker was faster."""
        if pool not in self._limits:
            yield True
            return
        with self._lock:
            got = self._now(pool).total() < self._limits[pool]
            self._taken[pool, namespace] += got
        try:
            yield got
        finally:
            with self._lock:
                self._taken[pool, namespace] -= got

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
        with self._lock:
            return [key for pool in self._limits for key in self._shares(pool, self._waiting[pool])]
