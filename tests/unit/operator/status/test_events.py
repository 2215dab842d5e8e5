import itertools
from typing import Any

import pytest

from lingraft.status import Condition, LanguageAdaptationStatus, PinnedPlan, StageStatus
from lingraft_operator.status.events import Note, event, transitions
from tests.support.operator.clock import START
from tests.support.operator.views import attempt, stage
from tests.unit.operator.watches.test_troubles import KEY, cache_of


def status(
    *stages: StageStatus, phase: str = "Running", reason: str = "Why", plan: int | None = 1
) -> LanguageAdaptationStatus:
    kinds = ["Ready", "Stalled"] if phase == "Stalled" else ["Ready"]
    made = [
        Condition(
            type=kind,  # type: ignore[arg-type]
            status="True" if kind == phase else "False",
            reason=reason,
            message="words",
            observed_generation=1,
            last_transition_time=START,
        )
        for kind in kinds
    ]
    fields: dict[str, Any] = {"generation": plan, "contract": 1, "trainer_image": "i"}
    pinned = PinnedPlan(**fields, content="{}") if plan is not None else None
    return LanguageAdaptationStatus(
        phase=phase,  # type: ignore[arg-type]
        conditions=tuple(made),
        stages=stages,
        plan=pinned,
    )


def told(before: LanguageAdaptationStatus, after: LanguageAdaptationStatus) -> list[str]:
    return [f"{note.type} {note.reason}" for note in transitions(before, after)]


FAILED = {"ended_at": START, "failure_class": "infrastructure", "reason": "NodeLost"}


def test_a_plan_is_told_once_for_each_generation() -> None:
    assert told(status(plan=None), status()) == ["Normal Planned"]
    assert told(status(), status(plan=2)) == ["Normal Planned"]
    assert told(status(), status()) == []


def test_the_life_of_a_stage() -> None:
    waiting = stage()
    started = stage(state="Starting", attempts=(attempt(),))
    running = stage(state="Running", attempts=(attempt(),))
    failed = stage(state="Retrying", attempts=(attempt(**FAILED),))
    again = stage(state="Starting", attempts=(attempt(**FAILED), attempt(number=2, uid="u2")))
    done = again.model_copy(update={"state": "Done"})
    steps = [waiting, started, running, failed, again, done, done]
    said = [told(status(a), status(b)) for a, b in itertools.pairwise(steps)]
    assert said == [
        ["Normal StageStarted"],
        [],
        ["Warning NodeLost"],
        ["Normal StageStarted"],
        ["Normal StageSucceeded"],
        [],
    ]


def test_an_attempt_that_is_first_seen_failed_is_told_whole() -> None:
    failed = stage(state="Retrying", attempts=(attempt(**FAILED),))
    assert told(status(), status(failed)) == ["Normal StageStarted", "Warning NodeLost"]


def test_what_was_left_on_purpose_is_no_failure() -> None:
    before = stage(state="Running", attempts=(attempt(),))
    left = stage(attempts=(attempt(ended_at=START, reason="Suspended", counted=False),))
    assert told(status(before), status(left)) == []


def test_a_stage_that_others_had_done_is_not_told() -> None:
    assert told(status(), status(stage(state="Done", cached=True))) == []


def test_the_words_name_the_stage_the_attempt_and_the_rayjob() -> None:
    (note,) = transitions(status(), status(stage(state="Starting", attempts=(attempt(),))))
    assert note.message == "embed: attempt 1, RayJob embed-1"


@pytest.mark.parametrize(
    ("phase", "reason", "expected"),
    [
        ("Ready", "Adapted", "Normal Ready"),
        ("Stalled", "InvalidSpec", "Warning InvalidSpec"),
        ("Suspended", "Suspended", "Normal Suspended"),
    ],
)
def test_the_end_is_told_once(phase: str, reason: str, expected: str) -> None:
    end = status(phase=phase, reason=reason)
    assert told(status(), end) == [expected]
    assert told(end, end) == []
    assert told(end, status()) == []


def test_another_reason_to_be_stalled_is_told() -> None:
    before, after = status(phase="Stalled", reason="A"), status(phase="Stalled", reason="B")
    assert told(before, after) == ["Warning B"]


def test_a_failed_gate_is_a_warning() -> None:
    before = status(phase="Ready", reason="Adapted")
    assert told(before, status(phase="Stalled", reason="QualityGateFailed")) == [
        "Warning QualityGateFailed"
    ]


@pytest.mark.parametrize("letter", ["x", "й", "語", "🦙", '"', "\n"])
def test_an_event_says_no_more_than_the_api_server_takes(letter: str) -> None:
    resource = cache_of().resource(KEY)
    assert resource is not None
    said = event(resource, Note("Warning", "Why", letter * 3000, "Retry"), START)["note"]
    assert 480 <= len(said.encode()) <= 1024
