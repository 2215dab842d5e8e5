"""A stopwatch for the parts of an update, and the gate at which a contender waits its turn."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PARTS: tuple[str, ...] = ("data", "forward", "backward", "optimizer")


class Watch:
    """Times one update after the other; between them the process waits for its parent.

    Every update is announced by the parent with a line, and answered with one: the update's
    seconds of wall clock and of CPU, and how the wall clock splits into parts.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.ready: dict[str, float] | None = None
        self._parts: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._wall = self._cpu = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of this context to a part."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._parts[name] += time.perf_counter() - start

    def wrap(self, name: str, function: Callable) -> Callable:  # type: ignore[type-arg]
        """The function, its time counted to a part."""

        def timed(*args: object, **kwargs: object) -> object:
            with self.part(name):
                return function(*args, **kwargs)

        return timed

    def spent(self, name: str) -> float:
        """Seconds counted to a part so far in this update."""
        return self._parts[name]

    def gate(self) -> bool:
        """Report the update that ended, wait for the next one; False: there is none."""
        if self._wall:
            self._answer()
        else:
            _say({"ready": peak_mib()})
        if not sys.stdin.readline().startswith("step"):
            _say({"peak": peak_mib()})
            return False
        self._parts = dict.fromkeys(PARTS, 0.0)
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return True

    def _answer(self) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        rest = wall - sum(self._parts[p] for p in PARTS if p != "backward")
        _say({"wall": wall, "cpu": cpu, **self._parts, "backward": max(0.0, rest)})


def _say(what: dict[str, float]) -> None:
    print(json.dumps(what), flush=True)


def peak_mib() -> float:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
