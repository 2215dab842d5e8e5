"""Threads that read stores, shared by all passes: hundreds of requests wait beside each other.

A pass has no more requests under way than there are threads, so that one with three requests
waits for a few of each other pass, and not for all of them.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

READERS = 32
"""As many as there are connections to a store (`lingraft/store/s3_client.py`)."""
FEW = 3
"""So many are read by the pass itself: most resources have no more."""

T = TypeVar("T")
R = TypeVar("R")


class Readers:
    """The threads; started when they are needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(READERS, "reader")

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`[work(i) for i in items]`; the first error stops what has not started."""
        wanted = list(items)
        if len(wanted) <= FEW:
            return [work(one) for one in wanted]
        found: list[R] = []
        under_way: deque[Future[R]] = deque()
        try:
            for one in wanted:
                if len(under_way) == READERS:
                    found.append(under_way.popleft().result())
                # With the pass's budget of time (`lingraft/store/budget.py`).
                under_way.append(self._pool.submit(copy_context().run, work, one))
            while under_way:
                found.append(under_way.popleft().result())
        finally:
            for future in under_way:
                future.cancel()
        return found
