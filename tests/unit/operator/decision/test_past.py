"""What is behind a stage is the same whether its attempts are listed or only counted."""

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import FailureClass
from lingraft.status import Attempt
from lingraft_operator.decision.attempts import reset
from lingraft_operator.decision.past import kept_before, past_of
from lingraft_operator.status.fitting import fitted_stage
from lingraft_operator.status.room import LEVELS, Room
from tests.support.operator.clock import START
from tests.support.operator.views import attempt, stage

ends = st.fixed_dictionaries(
    {
        "failure_class": st.sampled_from([None, *get_args(FailureClass)]),
        "counted": st.booleans(),
        "step": st.sampled_from([None, 0, 7, 90]),
        "reason": st.sampled_from(["OOMKilled", "OutOfDisk", None]),
        "micro_batch_tokens": st.sampled_from([128, 1024]),
    }
)


def attempts(found: list[dict[str, Any]]) -> tuple[Attempt, ...]:
    return tuple(
        attempt(number=n + 1, uid=f"u{n}", ended_at=START, **one) for n, one in enumerate(found)
    )


@given(st.lists(ends, min_size=1, max_size=30), st.sampled_from(LEVELS))
def test_decisions_do_not_hang_on_how_much_there_is_room_for(
    found: list[dict[str, Any]], room: Room
) -> None:
    """Attempt after attempt is added and trimmed, as in the operator's passes."""
    whole, kept = stage(), stage()
    for one in attempts(found):
        whole = whole.model_copy(update={"attempts": (*whole.attempts, one)})
        added = kept.model_copy(update={"attempts": (*kept.attempts, one)})
        kept = fitted_stage(added, room, 10**6)
        if one.failure_class == "user" and one.counted:
            break  # nothing more is tried
    assert len(kept.attempts) <= room.attempts
    assert past_of(kept) == past_of(whole)
    assert kept_before(kept) == kept_before(whole)
    assert past_of(reset(kept)) == past_of(reset(whole))


def test_a_row_of_causes_outside_is_broken_by_any_other_end() -> None:
    outside: dict[str, Any] = {"failure_class": "outside", "counted": False}
    left: dict[str, Any] = {"failure_class": None, "counted": False}
    other: dict[str, Any] = {"failure_class": "infrastructure"}
    row = [other, outside, left, outside]
    assert past_of(stage(attempts=attempts(row))).outside == 2
    assert past_of(stage(attempts=attempts([outside, other]))).outside == 0
