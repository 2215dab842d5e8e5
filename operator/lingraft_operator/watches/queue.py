"""One queue of resources that need a look, and the workers that take from it.

A key is in the queue once, however many events ask for it, and with one worker at a time.
For each key that it takes, a worker thread makes one pass (`worker.py`): observe, reconcile,
apply, write down. Each key stands on its own, so that one that fails holds up no other.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lingraft_operator import metrics
from lingraft_operator.watches.lanes import Lanes
from lingraft_operator.world import Key

log = logging.getLogger(__name__)

LONGEST_BACKOFF = 60.0
HELD_BACK_SECONDS = 1.0
LONG_SECONDS, REST, LONGEST_REST = 0.5, 2.0, 30.0
"""After a pass that took so long a key rests for twice that time, whatever is told of it meanwhile:
of hundreds of stages something is told all the time."""


class Queue:
    """Keys with the time at which they are due; a key that is added twice is due at the earlier."""

    def __init__(self, lanes: Lanes, is_large: Callable[[Key], bool] = lambda _: False) -> None:
        """Start empty, and shut.

        Args:
            lanes: Which namespaces may take a worker.
            is_large: Whether a resource has many stages.
        """
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heaps: dict[tuple[str, bool], list[tuple[float, Key]]] = {}
        """By namespace, large ones apart."""
        self._is_large = is_large
        self._working: dict[Key, float] = {}
        """Since when."""
        self._rests: dict[Key, float] = {}
        """Until when."""
        self._lanes = lanes
        self._open = self._closed = False

    def open(self) -> None:
        """Let the workers take: all that there was at start is known now."""
        if not self._open:
            with self._changed:
                self._open = True
                self._changed.notify_all()

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for a look at a key, now or after some seconds."""
        due = time.monotonic() + max(0.0, delay)
        with self._changed:
            due = max(due, self._rests.get(key, due))
            if self._due.get(key, float("inf")) <= due:
                return
            self._push(key, due)
            self._changed.notify()

    def _push(self, key: Key, due: float) -> None:
        self._due[key] = due
        heapq.heappush(self._heaps.setdefault((key[0], self._is_large(key)), []), (due, key))

    def take(self) -> Key | None:
        """The next key that is due, waiting for one; None once the queue is closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                found, wait = self._next(now) if self._open else (None, None)
                if found is not None:
                    metrics.queue_seconds.observe(now - self._due.pop(found))
                    self._working[found] = now
                    self._rests.pop(found, None)
                    self._lanes.begin(found, large=self._is_large(found))
                    return found
                self._changed.wait(wait)
            return None

    def _next(self, now: float) -> tuple[Key | None, float | None]:
        """What has been due for longest and may be taken; else how long to wait."""
        tops = [(top, lane) for lane in list(self._heaps) if (top := self._first(lane))]
        for (due, key), (namespace, large) in sorted(tops):
            if due > now:
                return None, max(0.001, due - now)
            if self._lanes.allows(namespace, large=large):
                return key, None
        # What is held back is woken by done(), or with time.
        return None, HELD_BACK_SECONDS if self._heaps else None

    def _first(self, lane: tuple[str, bool]) -> tuple[float, Key] | None:
        """A lane's key that is due first and that nobody works on."""
        heap, held = self._heaps[lane], list[tuple[float, Key]]()
        found: tuple[float, Key] | None = None
        while heap and found is None:
            due, key = heap[0]
            if self._due.get(key) != due:  # added again for an earlier time, or taken
                heapq.heappop(heap)
            elif key in self._working:
                held.append(heapq.heappop(heap))
            else:
                found = heap[0]
        for entry in held:
            heapq.heappush(heap, entry)
        if not heap:
            del self._heaps[lane]
        return found

    def depth(self) -> int:
        """How many keys are due, and wait for a worker."""
        with self._changed:
            now = time.monotonic()
            return sum(due <= now for due in self._due.values())

    def done(self, key: Key) -> None:
        """Give a key back; if it was asked for meanwhile it is taken again, after its rest."""
        with self._changed:
            now = time.monotonic()
            took = now - self._working.pop(key, now)
            if took > LONG_SECONDS:
                self._rests[key] = until = now + min(REST * took, LONGEST_REST)
                if self._due.get(key, until) < until:
                    self._push(key, until)
            self._lanes.end(key)
            self._changed.notify_all()

    def close(self) -> None:
        """Let the workers finish what they have, and go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Workers:
    """Threads that process keys."""

    def __init__(self, queue: Queue, process: Callable[[Key], float | None], count: int) -> None:
        """Start nothing yet.

        Args:
            queue: Where keys come from.
            process: Handles one key; returns the seconds until it wants another look, or None.
            count: Threads.
        """
        self._queue, self._process = queue, process
        self._failures: dict[Key, int] = {}
        self._began: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{i}", daemon=True)
            for i in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Close the queue, and wait for the passes that are under way."""
        self._queue.close()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def longest_seconds(self) -> float:
        """How long the slowest pass has been under way; infinite if a thread has died."""
        if not all(thread.is_alive() for thread in self._threads):
            return float("inf")
        now = time.monotonic()
        return max((now - began for began in list(self._began.values())), default=0.0)

    def _work(self) -> None:
        name = threading.current_thread().name
        while (key := self._queue.take()) is not None:
            self._began[name] = time.monotonic()
            try:
                again = self._process(key)
                self._failures.pop(key, None)
            except Exception:
                # Nothing that one resource meets may end a worker; it is tried again later.
                metrics.reconcile_errors.labels("unexpected").inc()
                log.exception("this pass failed", extra={"namespace": key[0], "resource": key[1]})
                again = self.backoff(key)
            finally:
                self._began.pop(name, None)
            if again is not None:
                self._queue.add(key, again)
            self._queue.done(key)

    def backoff(self, key: Key) -> float:
        """Seconds to wait after one more failure of a key in a row."""
        self._failures[key] = min(self._failures.get(key, 0) + 1, 10)
        return min(LONGEST_BACKOFF, 0.5 * 2 ** self._failures[key])


def seconds_until(when: datetime | None) -> float | None:
    """From now, for `Queue.add`."""
    return None if when is None else max(0.0, (when - datetime.now(UTC)).total_seconds())
