from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lingraft.pools import PoolName
from lingraft_operator.config import PoolConfigs
from lingraft_operator.slots import Slots
from lingraft_operator.world import Key
from tests.support.operator.clock import START

OLD, MIDDLE, NEW = ("a", "old"), ("b", "middle"), ("a", "new")
AGE = {OLD: START, MIDDLE: START + timedelta(seconds=1), NEW: START + timedelta(seconds=2)}


class Line:
    """Slots of a large pool with room for two, and the RayJobs that live in it."""

    def __init__(self, large: int | None = 2) -> None:
        self.live: dict[PoolName, int] = {"small": 0, "large": 0}
        pools: dict[str, Any] = {"large": {"maxConcurrentStages": large}} if large else {}
        self.slots = Slots(PoolConfigs.model_validate(pools), lambda: self.live)

    def free(self, key: Key) -> int | None:
        return self.slots.free(key, AGE[key]).get("large")

    def wait(self, key: Key, count: int) -> None:
        self.slots.wait(key, AGE[key], {"large": count} if count else {})


@pytest.fixture
def line() -> Iterator[Line]:
    yield Line()


def test_a_pool_without_a_limit_is_not_listed() -> None:
    assert Line(None).slots.free(OLD, START) == {}
    assert set(Line().slots.free(OLD, START)) == {"large"}


def test_what_lives_takes_slots(line: Line) -> None:
    assert line.free(NEW) == 2
    line.live["large"] = 2
    assert line.free(NEW) == 0
    line.live["large"] = 5  # the limit was lowered
    assert line.free(NEW) == 0


def test_older_ones_that_wait_come_first(line: Line) -> None:
    line.wait(OLD, 1)
    assert (line.free(OLD), line.free(MIDDLE), line.free(NEW)) == (2, 1, 1)
    line.wait(MIDDLE, 3)
    assert (line.free(OLD), line.free(MIDDLE), line.free(NEW)) == (2, 1, 0)


def test_who_waits_no_longer_is_out_of_line(line: Line) -> None:
    line.wait(OLD, 2)
    assert line.free(NEW) == 0
    line.wait(OLD, 0)
    assert line.free(NEW) == 2
    assert not line.wait(OLD, 0)


def test_the_oldest_are_woken_as_many_as_there_are_slots(line: Line) -> None:
    for key in (NEW, OLD, MIDDLE):
        line.wait(key, 1)
    assert line.slots.next_in_line() == [OLD, MIDDLE]
    line.live["large"] = 1
    assert line.slots.next_in_line() == [OLD]
    line.live["large"] = 2
    assert line.slots.next_in_line() == []


def test_resources_of_one_second_have_an_order_too(line: Line) -> None:
    line.slots.wait(("a", "x"), START, {"large": 2})
    line.slots.wait(("a", "y"), START, {"large": 2})
    assert line.slots.free(("a", "x"), START)["large"] == 2
    assert line.slots.free(("a", "y"), START)["large"] == 0


def test_a_slot_that_is_being_taken_is_taken(line: Line) -> None:
    with line.slots.taken("large") as first, line.slots.taken("large") as second:
        assert first and second
        assert line.free(OLD) == 0
        with line.slots.taken("large") as third:
            assert not third
    assert line.free(OLD) == 2
    with Line(None).slots.taken("large") as unlimited:
        assert unlimited
