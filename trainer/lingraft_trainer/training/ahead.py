"""The next update's data, drawn up while this one is computed.

A GPU needs a tenth of a second for an update whose tokens a CPU masks in a hundredth; it would
stand still that long.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """`ahead(step)` is `function(step)`; the one of the step after it is begun meanwhile.

    Args:
        function: Of the step alone: it is called in another thread, one call at a time.
        steps: Where to end: nothing is begun for this step or a later one.
    """

    def __init__(self, function: Callable[[int], T], steps: int) -> None:
        self._function, self._steps = function, steps
        self._begun: dict[int, Future[T]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="data")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __call__(self, step: int) -> T:
        """What the function gives for a step; raises what it raised."""
        wanted = self._begun.pop(step, None) or self._begin(step)
        found = wanted.result()
        if step + 1 < self._steps:
            self._begun[step + 1] = self._begin(step + 1)
        return found

    def _begin(self, step: int) -> Future[T]:
        return self._thread.submit(self._function, step)
