"""A stopwatch for the parts of an update, and the gate at which a contender waits its turn."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

PARTS: tuple[str, ...] = ("data", "forward", "backward", "optimizer")


class Watch:
    """Times one update after the other; between them the process waits for its parent.

    Every update is announced by the parent with a line, and answered with one: the update's
    seconds of wall clock and of CPU, and how the wall clock splits into parts. A GPU is waited
    for at the end of every part.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.ready: dict[str, float] | None = None
        self._parts: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._wall = self._cpu = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of this context to a part."""
        start = now()
        try:
            yield
        finally:
            self._parts[name] += now() - start

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
        self._wall, self._cpu = now(), time.process_time()
        return True

    def _answer(self) -> None:
        wall, cpu = now() - self._wall, time.process_time() - self._cpu
        rest = wall - sum(self._parts[p] for p in PARTS if p != "backward")
        _say({"wall": wall, "cpu": cpu, **self._parts, "backward": max(0.0, rest)})


def _say(what: dict[str, float]) -> None:
    print(json.dumps(what), flush=True)


def now() -> float:
    """Seconds of wall clock, once a GPU has done all that it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_mib() -> float:
    """The most memory this process ever held, in MiB: the GPU's where there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
