"""One function over many items on several cores, its tables in the items' order.

Processes of this project's own, `lingraft_trainer.data.child`: nothing to start first, nothing
left when this process is gone, however it went.
"""

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from lingraft.errors import InfrastructureError, ResourceError

Work = Callable[[Any], Iterable[pa.Table]]


def ordered(work: Work, items: Sequence[Any], folder: Path, processes: int) -> Iterator[pa.Table]:
    """The tables of `work(item)` for all items, computed side by side, streamed in order.

    A single item, or one core, is computed in this process.

    Args:
        work: A function that can be pickled; its tables have one schema.
        items: What it is called with.
        folder: For what is computed and not yet asked for: results of two items a process at most.
        processes: How many, at most.

    Raises:
        LingraftError: As raised by `work`.
        ResourceError: The system ended a process, as it does when memory is short.
    """
    processes = min(processes, len(items))
    if processes < 2:
        for item in items:
            yield from work(item)
        return
    idle: SimpleQueue[_Child] = SimpleQueue()
    children: list[_Child] = []

    def compute(number: int) -> Path:
        child, path = idle.get(), folder / f"{number:06d}.arrow"
        try:
            child.run(work, items[number], path)
        finally:
            idle.put(child)
        return path

    pool = ThreadPoolExecutor(processes)
    try:
        for _ in range(processes):
            children.append(_Child())
            idle.put(children[-1])
        waiting: deque[Future[Path]] = deque()
        for number in range(len(items)):
            waiting.append(pool.submit(compute, number))
            if len(waiting) == 2 * processes:
                yield from _taken(waiting.popleft().result())
        while waiting:
            yield from _taken(waiting.popleft().result())
    finally:
        for child in children:
            child.kill()
        pool.shutdown(cancel_futures=True)
        for child in children:
            child.close()


def _taken(path: Path) -> Iterator[pa.Table]:
    """The tables of a file, which is then removed."""
    if path.stat().st_size:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            for batch in stream:
                yield pa.Table.from_batches([batch])
    path.unlink()


class _Child:
    """A process that does what it is sent, one piece of work after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P: a file of the user's in this folder must not stand for a module.
            [sys.executable, "-P", "-m", "lingraft_trainer.data.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which ends the child
            env=os.environ | {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"},
        )

    def run(self, work: Work, item: Any, path: Path) -> None:
        """Have the tables of `work(item)` written to `path`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump((work, item, str(path)), self._process.stdin)
            self._process.stdin.flush()
            error = pickle.load(self._process.stdout)  # what our own process wrote
        except (BrokenPipeError, EOFError):
            raise self._died() from None
        if error is not None:
            raise error

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        """Leave nothing of it, when nobody speaks with it any more."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()

    def _died(self) -> Exception:
        code = self._process.wait()
        if code < 0:
            return ResourceError(
                f"a process that reads text was ended by signal {-code}, as the system does when "
                "memory is short; give fewer threads or more memory"
            )
        return InfrastructureError(f"a process that reads text ended with exit code {code}")
