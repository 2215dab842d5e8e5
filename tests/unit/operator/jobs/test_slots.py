from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as given_
from hypothesis import strategies as st

from lingraft.pools import PoolName
from lingraft_operator.config import PoolConfigs
from lingraft_operator.jobs.slots import Slots, shares
from lingraft_operator.world import Key
from tests.support.operator.clock import START

OLD, MIDDLE, NEW = ("a", "old"), ("b", "middle"), ("a", "new")
AGE = {OLD: START, MIDDLE: START + timedelta(seconds=1), NEW: START + timedelta(seconds=2)}


class Line:
    """Slots of a large pool with room for two, and the RayJobs that live in it."""

    def __init__(self, large: int | None = 2) -> None:
        self.live: dict[PoolName, Counter[str]] = {"small": Counter(), "large": Counter()}
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
    line.live["large"]["c"] = 2
    assert line.free(NEW) == 0
    line.live["large"]["c"] = 5  # the limit was lowered
    assert line.free(NEW) == 0


def test_older_ones_that_wait_come_first(line: Line) -> None:
    line.wait(OLD, 1)
    assert (line.free(OLD), line.free(MIDDLE), line.free(NEW)) == (2, 1, 1)
    line.wait(MIDDLE, 3)
    assert (line.free(OLD), line.free(MIDDLE), line.free(NEW)) == (1, 1, 0)


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
    line.live["large"]["c"] = 1
    assert line.slots.next_in_line() == [OLD]
    line.live["large"]["c"] = 2
    assert line.slots.next_in_line() == []


def test_resources_of_one_second_have_an_order_too(line: Line) -> None:
    line.slots.wait(("a", "x"), START, {"large": 2})
    line.slots.wait(("a", "y"), START, {"large": 2})
    assert line.slots.free(("a", "x"), START)["large"] == 2
    assert line.slots.free(("a", "y"), START)["large"] == 0


def test_a_slot_that_is_being_taken_is_taken(line: Line) -> None:
    with line.slots.taken("large", "a") as first, line.slots.taken("large", "b") as second:
        assert first and second
        assert line.free(OLD) == 0
        with line.slots.taken("large", "a") as third:
            assert not third
    assert line.free(OLD) == 2
    with Line(None).slots.taken("large", "a") as unlimited:
        assert unlimited


def test_a_namespace_with_many_does_not_keep_the_next_one_waiting(line: Line) -> None:
    """However old its resources are: slots go around."""
    line.wait(OLD, 9)
    line.wait(NEW, 9)
    line.wait(MIDDLE, 1)
    line.live["large"]["a"] = 1
    assert line.slots.next_in_line() == [MIDDLE]
    assert (line.free(OLD), line.free(MIDDLE)) == (0, 1)


class Untouched(dict[Key, tuple[datetime, int]]):
    """A line that nobody goes through."""

    def items(self) -> Any:
        raise AssertionError("thousands may wait in it")


def test_where_nothing_is_free_nobody_goes_through_the_line() -> None:
    assert shares(0, {"a": 2}, Untouched({OLD: (START, 1)})) == {}


lines = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")),
    st.tuples(st.integers(0, 5).map(lambda n: START + timedelta(seconds=n)), st.integers(1, 4)),
)


@given_(st.integers(0, 12), st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), lines)
def test_slots_are_shared_out_fairly(
    free: int, live: dict[str, int], line: dict[Key, tuple[datetime, int]]
) -> None:
    given = shares(free, live, line)
    assert given.total() == min(free, sum(count for _, count in line.values()))
    assert all(given[key] <= count for key, (_, count) in line.items())
    has = Counter(live)
    for key, count in given.items():
        has[key[0]] += count
    for key, (since, count) in line.items():
        if given[key] == count:
            continue
        # Who goes without: nobody younger of its namespace got one, nor a namespace that has more.
        for other in given:
            younger = other[0] == key[0] and (line[other][0], other) > (since, key)
            assert not (younger and given[other])
            assert has[other[0]] <= max(live.get(other[0], 0), has[key[0]] + 1)
