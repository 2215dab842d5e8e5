"""Sources that are followed: looked up on a schedule or by hand, and the model that stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lingraft_operator import names
from tests.support.operator.histories import (
    ONE,
    fail,
    launched,
    phases,
    refreshed,
    says,
    stalled,
    world,
)
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES, spec, task

HOUR, DAY = 3600, 24 * 3600
CORPUS = "s3://corpora/sw/"
TWO = datetime(2026, 1, 1, 2, tzinfo=UTC)


def until(sim: Simulation, when: datetime, seconds: int = 5) -> None:
    """Everything goes its way until some seconds after a moment."""
    sim.run_for((when - sim.clock.now).total_seconds() + seconds)


def times(sim: Simulation) -> tuple[datetime | None, datetime | None]:
    """When the last run was due that was started, and when the next one is."""
    known = sim.status(ONE).refresh
    assert known is not None
    return known.last_schedule_time, known.next_schedule_time


def rayjobs(sim: Simulation) -> int:
    return sum(len(stage.attempts) for stage in sim.status(ONE).stages)


def test_where_nothing_changed_nothing_runs() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        assert times(sim) == (None, TWO)
        ran, reads = rayjobs(sim), sim.status(ONE).plan
        until(sim, TWO)
        assert rayjobs(sim) == ran and sim.status(ONE).plan == reads
        assert times(sim) == (TWO, TWO + timedelta(days=1))
        words = "looked up at 2026-01-01 02:00 UTC: nothing changed"
        assert refreshed(sim) == ("True", "Refreshed", words)
        assert ("Refreshed", words) in [(n.reason, n.message) for _, n in sim.notes]
        assert says(sim)["Ready"] == "True"
        version = sim.api.version
        sim.run_for(HOUR)
        assert sim.api.version == version


def test_what_changed_is_computed_and_the_last_model_stays_until_then() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        before = sim.status(ONE)
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        during = sim.status(ONE)
        assert says(sim) | {"Refreshed": ""} == {
            "Ready": "True",
            "EmbeddingsTrained": "True",
            "Refreshed": "",
        }
        state, _, message = refreshed(sim)
        assert state == "Unknown"
        assert "spec.corpus.uri changed; new are corpus, embed, graft" in message
        assert during.phase == "Ready" and during.progress.startswith("1/4 corpus")
        assert during.artifacts == before.artifacts and during.last_ready == before.last_ready
        assert [stage.state for stage in during.stages if stage.kind == "finetune"] == ["Done"]
        sim.come_to_rest()
        after = sim.status(ONE)
        assert launched(sim, "finetune-xnli-0") == 1
        assert refreshed(sim)[0] == "True" and after.artifacts != before.artifacts
        assert after.last_ready != before.last_ready


@pytest.mark.parametrize("by_hand", [False, True], ids=["on schedule", "by hand"])
@pytest.mark.parametrize(
    ("sick", "reason"),
    [
        (lambda sim: sim.missing.add(CORPUS), "InputUnavailable"),
        (lambda sim: setattr(sim, "sources_away", True), "StoreUnavailable"),
        (lambda sim: sim.configure(config(access=[])), "AccessDenied"),
    ],
    ids=["gone", "away", "forbidden"],
)
def test_sources_that_cannot_be_looked_up_leave_what_is_ready(
    sick: Callable[[Simulation], None], reason: str, *, by_hand: bool
) -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sick(sim)
        if by_hand:
            sim.annotate(ONE, names.REFRESH, "1")
        until(sim, TWO)
        assert phases(sim) == ["Ready"] and says(sim)["Ready"] == "True"
        assert refreshed(sim)[:2] == ("False", reason)
        assert refreshed(sim)[2].startswith("looked up at 2026-01-01 0")
        sim.heal()
        sim.uploads[CORPUS] += 1
        sim.run_for(HOUR)
        assert refreshed(sim)[0] == "Unknown", "it is tried again before the next day"


def test_a_refresh_that_fails_is_tried_again_ever_more_rarely_and_writes_little() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sim.missing.add(CORPUS)
        until(sim, TWO)
        writes = sim.api.version
        sim.run_for(20 * HOUR)
        assert sim.api.version - writes < 30


@pytest.mark.parametrize("outcome", ["user", "infrastructure"])
def test_data_that_the_trainer_refuses_leaves_the_model_of_before(outcome: str) -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        before = sim.status(ONE).artifacts
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        for _ in range(1 if outcome == "user" else 3):
            fail(sim, "corpus", outcome)
            sim.run_for(200)
        assert says(sim)["Ready"] == "True" and not sim.status(ONE).heals
        assert refreshed(sim)[:2] == ("False", f"{outcome}Error")
        assert sim.status(ONE).artifacts == before and phases(sim) == ["Ready"]
        tried = launched(sim, "corpus")
        until(sim, TWO + timedelta(days=1))
        assert launched(sim, "corpus") == tried, "the same data is not tried again"
        sim.uploads[CORPUS] += 1
        until(sim, TWO + timedelta(days=2))
        sim.come_to_rest()
        assert refreshed(sim)[0] == "True" and sim.status(ONE).artifacts != before


def test_a_gate_that_the_new_model_misses_leaves_the_one_before() -> None:
    with world() as sim:
        gate = task(gate={"metric": "accuracy", "min": 0.6})
        sim.create(*ONE, spec(tasks=[gate], refresh={"schedule": "@daily"}))
        sim.come_to_rest()
        before = sim.status(ONE)
        sim.score = 0.5
        sim.uploads[CORPUS] += 1
        sim.run_for(DAY)
        sim.come_to_rest()
        after = sim.status(ONE)
        assert refreshed(sim)[:2] == ("False", "QualityGateFailed")
        assert after.artifacts == before.artifacts and after.evaluation == before.evaluation
        assert says(sim)["Ready"] == says(sim)["QualityGatePassed"] == "True"
        sim.copies[0].start()
        sim.run_for(12 * HOUR)
        assert refreshed(sim)[1] == "QualityGateFailed", "a restart changes no verdict"


def test_a_run_that_is_due_while_stages_are_at_work_waits_for_their_end() -> None:
    with world("followed") as sim:
        until(sim, TWO)
        sim.uploads[CORPUS] += 1
        until(sim, TWO + timedelta(hours=5))
        assert times(sim)[0] is None and phases(sim) == ["Running"]
        plan = sim.status(ONE).plan
        sim.come_to_rest()
        assert times(sim) == (TWO, TWO + timedelta(days=1))
        assert sim.status(ONE).plan != plan and launched(sim, "corpus") == 1
        assert refreshed(sim)[0] == "True" and phases(sim) == ["Ready"]


def test_by_hand_it_is_looked_up_at_once_whatever_is_at_work() -> None:
    with world("plain") as sim:
        sim.uploads[CORPUS] += 1
        (first,) = [body["metadata"]["uid"] for body in sim.rayjobs("corpus")]
        sim.annotate(ONE, names.REFRESH, "1")
        sim.run_for(10)
        (second,) = [body["metadata"]["uid"] for body in sim.rayjobs("corpus")]
        assert first != second


def test_of_many_runs_that_were_missed_one_is_made_up_for() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sim.uploads[CORPUS] += 1
        sim.advance(5 * DAY)  # no operator is there
        sim.copies[0].start()
        sim.run_for(1)
        assert times(sim)[0] == TWO + timedelta(days=4)
        sim.come_to_rest()
        looks = [note for _, note in sim.notes if note.action == "Refresh"]
        assert len(looks) == 2, "what changed, and that it is done"


def test_a_restart_forgets_no_run() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sim.copies[0].start()
        until(sim, TWO)
        assert times(sim)[0] == TWO


def test_a_run_over_its_deadline_is_missed_and_said() -> None:
    with world() as sim:
        refresh = {"schedule": "0 2 * * *", "startingDeadlineSeconds": 60}
        sim.create(*ONE, spec(refresh=refresh))
        sim.come_to_rest()
        sim.advance(3 * HOUR)
        sim.copies[0].start()
        sim.run_for(1)
        words = "the run of 2026-01-01 02:00 UTC was missed: startingDeadlineSeconds are over"
        assert refreshed(sim) == ("False", "MissedSchedule", words)
        assert times(sim)[0] is None and says(sim)["Ready"] == "True"
        version = sim.api.version
        sim.run_for(12 * HOUR)
        assert sim.api.version == version
        until(sim, TWO + timedelta(days=1))
        assert refreshed(sim)[0] == "True"


@pytest.mark.parametrize("whole", [False, True], ids=["refresh.suspend", "spec.suspend"])
def test_runs_of_a_suspended_schedule_are_missed_and_one_is_made_up_for(*, whole: bool) -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        refresh = {"schedule": "0 2 * * *"}
        if whole:
            sim.edit(ONE, suspend=True)
        else:
            sim.edit(ONE, refresh=refresh | {"suspend": True})
        sim.run_for(3 * DAY)
        assert times(sim) == (None, None)
        sim.edit(ONE, suspend=False, refresh=refresh)
        sim.run_for(5)
        assert times(sim) == (TWO + timedelta(days=2), TWO + timedelta(days=3))


def test_a_schedule_counts_from_when_it_was_first_seen() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.run_for(10 * DAY)
        for hour in (2, 3):
            sim.edit(ONE, refresh={"schedule": f"0 {hour} * * *"})
            sim.run_for(60)
            assert times(sim)[0] is None
            assert times(sim)[1] == datetime(2026, 1, 11, hour, tzinfo=UTC)
        sim.edit(ONE, refresh=None)
        sim.run_for(2 * DAY)
        assert sim.status(ONE).refresh is None


def test_another_schedule_leaves_the_model_that_is_being_refreshed() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        sim.edit(ONE, refresh={"schedule": "@weekly"})
        sim.run_for(60)
        assert says(sim)["Ready"] == "True" and refreshed(sim)[0] == "Unknown"
        sim.edit(ONE, seed=3)
        sim.run_for(60)
        assert says(sim)["Ready"] == "False", "another model is asked for"


def test_a_resource_whose_data_was_bad_goes_on_with_other_data() -> None:
    with world("followed") as sim:
        fail(sim, "corpus", "user")
        sim.run_for(60)
        assert phases(sim) == ["Stalled"] and not sim.status(ONE).heals
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        assert phases(sim) == ["Running"]
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_a_first_plan_without_its_corpus_is_stalled_as_ever() -> None:
    with world() as sim:
        sim.missing.add(CORPUS)
        sim.create(*ONE, SHAPES["followed"])
        sim.run_for(60)
        stalled(sim, "InputUnavailable")


def test_a_model_that_stays_is_looked_after() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        sim.lose_artifacts("graft")
        sim.run_for(7 * HOUR)
        assert says(sim)["Ready"] == "False"


def test_two_copies_look_up_once() -> None:
    with world("followed", copies=2) as sim:
        sim.come_to_rest()
        sim.uploads[CORPUS] += 1
        until(sim, TWO)
        sim.come_to_rest()
        assert launched(sim, "corpus") == 1 and times(sim)[0] == TWO
