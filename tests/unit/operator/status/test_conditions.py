from datetime import timedelta
from itertools import product

import pytest

from lingraft.status import Condition
from lingraft_operator.status.conditions import Aspect, State, Summary, conditions
from tests.support.operator.clock import START

STATES: tuple[State, ...] = ("Ready", "Reconciling", "Stalled", "Suspended")
LATER = START + timedelta(minutes=7, microseconds=12)


def made(
    state: State,
    before: tuple[Condition, ...] = (),
    *,
    reason: str = "Why",
    aspects: tuple[Aspect, ...] = (),
    late: bool = False,
) -> dict[str, Condition]:
    found = conditions(
        Summary(state, reason, "words"),
        aspects,
        before,
        generation=3,
        now=LATER if late else START,
    )
    assert len({condition.type for condition in found}) == len(found)
    return {condition.type: condition for condition in found}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_every_transition_follows_kstatus(before: State, after: State) -> None:
    first = made(before)
    then = made(after, tuple(first.values()), late=True)

    abnormal = {after} & {"Reconciling", "Stalled"}
    assert set(then) == {"Ready"} | abnormal
    assert then["Ready"].status == ("True" if after == "Ready" else "False")
    assert all(then[kind].status == "True" for kind in abnormal)
    assert all(one.observed_generation == 3 for one in then.values())
    # A time moves with the status and with nothing else; Kubernetes keeps whole seconds.
    whole = LATER.replace(microsecond=0)
    same = (before == "Ready") == (after == "Ready")
    assert then["Ready"].last_transition_time == (START if same else whole)
    for kind in abnormal:
        assert then[kind].last_transition_time == (START if before == after else whole)


def test_a_new_reason_keeps_the_time() -> None:
    first = made("Stalled")
    then = made("Stalled", tuple(first.values()), reason="Other", late=True)
    assert then["Stalled"].reason == then["Ready"].reason == "Other"
    assert then["Stalled"].last_transition_time == START


def test_aspects_stand_beside_and_keep_times_of_their_own() -> None:
    no: Aspect = ("EmbeddingsTrained", "False", "NotYet", "not yet")
    yes: Aspect = ("EmbeddingsTrained", "True", "Trained", "done")
    first = made("Reconciling", aspects=(no,))
    same = made("Stalled", tuple(first.values()), aspects=(no,), late=True)
    assert same["EmbeddingsTrained"].last_transition_time == START
    then = made("Reconciling", tuple(first.values()), aspects=(yes,), late=True)
    assert then["EmbeddingsTrained"].last_transition_time == LATER.replace(microsecond=0)
    assert then["Reconciling"].last_transition_time == START


def test_endless_words_are_cut() -> None:
    (ready, _) = conditions(
        Summary("Stalled", "Why", "x" * 100_000), (), (), generation=1, now=START
    )
    assert len(ready.message) == 2000
