import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lingraft_operator.watches.lanes import Lanes
from lingraft_operator.watches.queue import LONGEST_BACKOFF, Queue, Workers
from lingraft_operator.world import Key

A, B, C = ("ns", "a"), ("ns", "b"), ("ns", "c")
PATIENCE = 20.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.002)


@pytest.fixture
def queue() -> Queue:
    made = Queue(Lanes(8))
    made.open()
    return made


class Log:
    """What workers did, and gates that hold them."""

    def __init__(self) -> None:
        self.began: list[Key] = []
        self.ended: list[Key] = []
        self.gate = threading.Event()
        self.gate.set()
        self.again: dict[Key, float] = {}
        self.lock = threading.Lock()
        self.at_once: dict[Key, int] = {}
        self.most_at_once = 0

    def process(self, key: Key) -> float | None:
        with self.lock:
            self.began.append(key)
            self.at_once[key] = self.at_once.get(key, 0) + 1
            self.most_at_once = max(self.most_at_once, self.at_once[key])
        assert self.gate.wait(PATIENCE)
        with self.lock:
            self.at_once[key] -= 1
            self.ended.append(key)
        if key == C:
            raise RuntimeError("this one is broken")
        return self.again.pop(key, None)


@contextmanager
def working(queue: Queue, log: Log, count: int = 3) -> Iterator[Workers]:
    workers = Workers(queue, log.process, count)
    workers.start()
    try:
        yield workers
    finally:
        log.gate.set()
        workers.stop(PATIENCE)


def test_a_key_asked_for_many_times_is_taken_once(queue: Queue) -> None:
    for _ in range(5):
        queue.add(A)
    queue.add(B)
    assert queue.take() == A
    assert queue.take() == B
    queue.close()
    assert queue.take() is None


def test_the_longest_due_is_taken_first(queue: Queue) -> None:
    queue.add(B)
    queue.add(A)
    assert (queue.take(), queue.take()) == (B, A)


def test_the_earlier_of_two_times_wins_in_either_order(queue: Queue) -> None:
    queue.add(A, 3600)
    queue.add(A)
    queue.add(B)
    queue.add(B, 3600)
    assert {queue.take(), queue.take()} == {A, B}
    queue.close()
    assert queue.take() is None


def test_a_wake_up_comes_when_it_is_due_and_not_before(queue: Queue) -> None:
    started = time.monotonic()
    queue.add(A, 0.05)
    assert queue.take() == A
    assert time.monotonic() - started >= 0.05


def test_a_waiting_worker_is_woken_by_an_earlier_key(queue: Queue) -> None:
    log = Log()
    queue.add(A, 3600)
    with working(queue, log, 1):
        queue.add(B)
        wait_until(lambda: log.ended == [B])


def test_nothing_is_taken_before_everything_is_known() -> None:
    queue, log = Queue(Lanes(8)), Log()
    queue.add(A)
    with working(queue, log):
        assert log.began == []
        queue.open()
        wait_until(lambda: log.ended == [A])


def test_a_key_has_one_worker_and_is_looked_at_again_if_asked_meanwhile(queue: Queue) -> None:
    log = Log()
    log.gate.clear()
    with working(queue, log):
        queue.add(A)
        wait_until(lambda: log.began == [A])
        for _ in range(3):
            queue.add(A)
        queue.add(B)  # another key is not held up by it
        wait_until(lambda: log.began == [A, B])
        log.gate.set()
        wait_until(lambda: sorted(log.ended) == [A, A, B])
    assert log.most_at_once == 1


def test_many_events_from_many_threads_never_put_two_workers_on_one_key(queue: Queue) -> None:
    log = Log()
    keys = [("ns", str(i)) for i in range(7)]

    def ask() -> None:
        for i in range(200):
            queue.add(keys[i % 7], (i % 3) * 0.001)

    with working(queue, log, 8):
        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        last = len(log.began)
        for key in keys:
            queue.add(key)
        wait_until(lambda: set(log.began[last:]) >= set(keys))
        wait_until(lambda: len(log.began) == len(log.ended))
    assert log.most_at_once == 1


def test_what_a_pass_asks_for_is_done(queue: Queue) -> None:
    log = Log()
    log.again[A] = 0.01
    with working(queue, log):
        queue.add(A)
        wait_until(lambda: log.ended == [A, A])


def test_a_broken_key_is_tried_again_later_and_holds_up_no_other(queue: Queue) -> None:
    log = Log()
    with working(queue, log, 1) as workers:
        queue.add(C)
        queue.add(A)
        wait_until(lambda: log.ended[:2] == [C, A])
        assert workers.longest_seconds() < PATIENCE  # no thread has died
        wait_until(lambda: log.ended.count(C) == 2)


def test_backoff_doubles_up_to_a_minute() -> None:
    workers = Workers(Queue(Lanes(8)), lambda _: None, 0)
    waits = [workers.backoff(A) for _ in range(12)]
    assert waits[:3] == [1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_BACKOFF
    assert workers.backoff(B) == 1.0


def test_closing_ends_waiting_workers_and_lets_a_pass_finish(queue: Queue) -> None:
    log = Log()
    log.gate.clear()
    workers = Workers(queue, log.process, 2)
    workers.start()
    queue.add(A)
    wait_until(lambda: log.began == [A])
    queue.add(B, 3600)
    stopper = threading.Thread(target=workers.stop, args=(PATIENCE,))
    stopper.start()
    log.gate.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert log.ended == [A]
    assert workers.longest_seconds() == float("inf")  # their threads are over


def test_a_pass_that_hangs_is_seen(queue: Queue) -> None:
    log = Log()
    log.gate.clear()
    with working(queue, log) as workers:
        assert workers.longest_seconds() == 0.0
        queue.add(A)
        wait_until(lambda: workers.longest_seconds() > 0.01)


def test_only_what_is_due_waits_for_a_worker(queue: Queue) -> None:
    """What is done is in the queue too, for a look in some hours."""
    queue.add(A)
    queue.add(B, 3600.0)
    assert queue.depth() == 1
    assert queue.take() == A
    assert queue.depth() == 0


def test_a_key_whose_pass_took_long_rests_whatever_is_told_of_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(
        "lingraft_operator.watches.queue.time", SimpleNamespace(monotonic=lambda: now[0])
    )
    queue.add(A)
    assert queue.take() == A
    queue.add(A)  # told of while it is worked on
    now[0] += 4
    queue.done(A)
    queue.add(A)
    queue.add(B)
    assert queue.take() == B, "others go first"
    assert queue.depth() == 0
    now[0] += 8
    assert queue.depth() == 1
    assert queue.take() == A
    now[0] += 0.4
    queue.done(A)
    queue.add(A)
    assert queue.depth() == 1, "a short pass needs no rest"
