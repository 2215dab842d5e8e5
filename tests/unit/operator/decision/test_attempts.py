from datetime import timedelta

import pytest

from lingraft.errors import FailureClass
from lingraft.resource import Retry
from lingraft_operator.decision.attempts import is_final, left, reset, with_attempts
from lingraft_operator.decision.past import past_of
from lingraft_operator.world import Observed
from tests.support.operator.clock import START
from tests.support.operator.views import attempt, rayjob, stage

OWNED = ({"uid": "me", "name": "one"},)
NOW = START + timedelta(hours=1)


def test_a_rayjob_of_ones_own_is_an_attempt_once() -> None:
    opened = with_attempts(stage(), rayjob(owners=OWNED), Observed(), uid="me", now=NOW)
    assert [a.uid for a in opened.attempts] == ["u"]
    assert with_attempts(opened, rayjob(owners=OWNED), Observed(), uid="me", now=NOW) == opened


def test_a_rayjob_of_others_is_none() -> None:
    assert with_attempts(stage(), rayjob(owners=OWNED), Observed(), uid="x", now=NOW) == stage()


def test_a_rayjob_that_was_left_and_is_wanted_again_is_the_same_attempt() -> None:
    before = left(stage(state="Running", attempts=(attempt(),)), "Suspended", START)
    assert before.attempts[0].ended_at == START and not before.attempts[0].counted
    after = with_attempts(before, rayjob(owners=OWNED), Observed(), uid="me", now=NOW)
    assert after.attempts == (attempt(),)


def test_what_is_done_stays_done_when_it_is_left() -> None:
    assert left(stage(state="Done"), "Suspended", NOW).state == "Done"


def test_a_reset_forgives_what_is_over_and_not_what_runs() -> None:
    over = attempt(ended_at=START, failure_class="user")
    running = attempt(number=2, uid="u2")
    assert [a.counted for a in reset(stage(attempts=(over, running))).attempts] == [False, True]


@pytest.mark.parametrize(
    ("classes", "most", "final"),
    [
        ([], 1, False),
        ([None], 1, False),
        (["infrastructure"], 1, True),
        (["infrastructure"] * 2, 3, False),
        (["infrastructure"] * 3, 3, True),
        (["user"], 3, True),
        (["user", None], 3, True),
        (["resource"], 3, False),
        (["resource", "infrastructure"], 3, False),
        (["resource", "resource"], 9, True),
    ],
)
def test_when_no_further_attempt_is_allowed(
    classes: list[FailureClass | None], most: int, final: bool
) -> None:
    attempts = [attempt(failure_class=one) for one in classes]
    past = past_of(stage(attempts=tuple(attempts)))
    assert is_final(past, Retry(max_attempts=most)) == final
