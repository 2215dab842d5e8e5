"""When what needs somebody is looked at again."""

from datetime import timedelta

from lingraft_operator.decision.healing import LONGEST, SHORTEST, look_again_at, wait_after
from tests.support.operator.clock import START


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(n) for n in range(1, 12)]
    assert waits[:3] == [SHORTEST, 2 * SHORTEST, 4 * SHORTEST]
    assert waits == sorted(waits) and waits[-1] == LONGEST
    assert wait_after(0) == SHORTEST
    assert look_again_at((), START) - START == timedelta(minutes=2)
