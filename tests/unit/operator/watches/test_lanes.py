"""One tenant's store takes no worker from the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft_operator.watches.lanes import SLOW_SECONDS, Lanes
from lingraft_operator.watches.queue import Queue
from lingraft_operator.world import Key


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def taken(queue: Queue, count: int) -> list[Key]:
    return [key for _ in range(count) if (key := queue.take()) is not None]


def test_a_namespace_gets_half_and_the_others_are_not_behind_it(time: Time) -> None:
    queue = Queue(Lanes(8, time))
    queue.open()
    for number in range(100):
        queue.add(("slow", str(number)))
    queue.add(("quick", "one"))
    found = taken(queue, 5)
    assert [key[0] for key in found] == ["slow"] * 4 + ["quick"]


def test_resources_of_many_stages_get_half_of_all_namespaces_together(time: Time) -> None:
    queue = Queue(Lanes(8, time), lambda key: key[1].startswith("large"))
    queue.open()
    for number in range(8):
        queue.add((f"team-{number}", "large"))
        queue.add((f"team-{number}", "small"))
    found = taken(queue, 8)
    assert sum(name == "large" for _, name in found) == 4
    queue.done(next(key for key in found if key[1] == "large"))
    assert [key[1] for key in taken(queue, 1)] == ["large"]


def test_once_known_to_be_slow_it_gets_one_until_it_is_quick_again(time: Time) -> None:
    lanes = Lanes(8, time)
    lanes.begin(("slow", "a"))
    assert lanes.allows("slow")
    time.now += SLOW_SECONDS + 1
    assert not lanes.allows("slow"), "one that is under way tells too"
    lanes.end(("slow", "a"))
    assert lanes.allows("slow")
    lanes.begin(("slow", "b"))
    assert not lanes.allows("slow")
    lanes.end(("slow", "b"))
    lanes.begin(("slow", "c"))
    assert lanes.allows("slow")


def test_many_slow_ones_together_get_half(time: Time) -> None:
    lanes, slow = Lanes(8, time), [(f"slow-{i}", "a") for i in range(20)]
    for key in slow:
        lanes.begin(key)
        time.now += SLOW_SECONDS + 1
        lanes.end(key)
    for key in slow:
        if lanes.allows(key[0]):
            lanes.begin(key)
    assert sum(not lanes.allows(key[0]) for key in slow) == 20
    assert lanes.allows("quick")


@given(
    workers=st.integers(1, 9),
    moves=st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 30)), max_size=60),
)
def test_no_namespace_ever_has_more_than_its_share(
    workers: int, moves: list[tuple[str, float]]
) -> None:
    """And where no pass is under way everybody may begin."""
    time = Time()
    lanes, under_way = Lanes(workers, time), list[Key]()
    for number, (namespace, seconds) in enumerate(moves):
        if len(under_way) < workers and lanes.allows(namespace):
            under_way.append((namespace, str(number)))
            lanes.begin(under_way[-1])
        elif under_way:
            lanes.end(under_way.pop(0))
        time.now += seconds
        assert sum(key[0] == namespace for key in under_way) <= max(1, (workers + 1) // 2)
        if not under_way:
            assert all(lanes.allows(name) for name in "abcd")
