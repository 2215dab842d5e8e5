"""A status stays below what Kubernetes keeps, whatever happens and whoever writes into it."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import (
    Artifacts,
    Condition,
    Evaluation,
    FormerAttempts,
    LanguageAdaptationStatus,
    PinnedPlan,
    PublishedStatus,
    StageProgress,
    StageStatus,
)
from lingraft_operator.jobs.rayjob import NoRoomError
from lingraft_operator.planning.pinned import make_plan
from lingraft_operator.planning.spec import parse
from lingraft_operator.status.fitting import fitted
from lingraft_operator.status.room import LEVELS, OBJECT_BYTES, room_for
from lingraft_operator.status.texts import cut, json_bytes
from lingraft_operator.world import Resource
from tests.support.operator.clock import START
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import spec, task
from tests.support.operator.views import attempt

LATE = datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC)
texts = st.text(st.sampled_from('a<&"\\\n\x01\u2028éक😀'), max_size=40).map(lambda t: t * 60)
"""What grows when it is written as JSON, and much of it."""


def resource(tasks: int, seeds: int, **changes: Any) -> Resource:
    named = [
        task(name=f"t{i}", train=f"s3://tasks/{i}/", test=f"s3://tasks/x{i}/", seeds=seeds)
        for i in range(tasks)
    ]
    fields: dict[str, Any] = {
        "namespace": "a",
        "name": "one",
        "uid": "u",
        "generation": 1,
        "resource_version": "1",
        "created_at": START,
        "spec": spec("fr", tasks=named),
        "status": LanguageAdaptationStatus(),
        "other_bytes": 20_000,
    }
    return Resource(**(fields | changes))


def planned(one: Resource) -> PinnedPlan:
    with Simulation().running(0):
        return make_plan(one, parse(one, config()), config())


@lru_cache
def many(tasks: int, seeds: int) -> tuple[PinnedPlan, LanguageAdaptationSpec]:
    one = resource(tasks, seeds)
    return planned(one), parse(one, config())


def stages_with(pinned: PinnedPlan, said: str, count: int) -> tuple[StageStatus, ...]:
    """Every stage has gone through all there is, and says as much as it can."""
    attempts = tuple(
        attempt(
            number=10**6 + n,
            uid="u" * 36,
            holder=f"h{said}",
            ray_job="j" * 25,
            started_at=LATE,
            ended_at=LATE,
            step=10**9,
            failure_class="infrastructure",
            counted=False,
            reason=said,
            message=said,
        )
        for n in range(count)
    )
    return tuple(
        StageStatus(
            name=one.name,
            kind=one.stage.kind,
            digest=one.stage.digest,
            state="Retrying",
            reason=said,
            message=said,
            holder=said,
            ray_job="j" * 25,
            dashboardURL=said,
            log=said,
            progress=StageProgress(step=1, steps=2, phase=said, loss=1 / 3, updated_at=LATE),
            eta=LATE,
            not_before=LATE,
            attempts=attempts,
            former_attempts=FormerAttempts(count=10**5, failed=3, step=10**9),
            device_seconds=1e9 / 3,
        )
        for one in pinned.plan.stages
    )


@pytest.mark.parametrize("size", [(0, 1), (32, 2), (32, 20)], ids=str)
@given(said=texts, count=st.integers(0, 14), rows=st.integers(0, 300), holder=texts)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_any_history_stays_below_the_budget(
    size: tuple[int, int], said: str, count: int, rows: int, holder: str
) -> None:
    pinned, wanted = many(*size)
    condition = Condition(
        type="Ready",
        status="False",
        reason=said or "x",
        message=said,
        observed_generation=1,
        last_transition_time=LATE,
    )
    row = Evaluation(task=said, metric=said, value=1 / 3, labels=said, reason=said, passed=False)
    status = LanguageAdaptationStatus(
        progress=said,
        conditions=(condition,) * 5,
        stages=stages_with(pinned, said, count),
        plan=pinned,
        artifacts=Artifacts(task_models={f"t{n}": f"s3://{holder}/{n}" for n in range(640)}),
        evaluation=(row,) * rows,
        warnings=(said,) * rows,
        published=PublishedStatus.model_validate(
            dict.fromkeys(("uri", "as", "version", "by", "previous"), said)
            | dict.fromkeys(("reason", "asked", "rollback"), said)
            | {"since": LATE}
        ),
    )
    room = room_for(pinned, wanted, 20_000)
    assert room is not None
    found = fitted(status, room, wanted)
    assert json_bytes(found.to_json()) <= OBJECT_BYTES - 20_000
    assert fitted(found, room, wanted) == found, "once is enough"
    assert found.plan == pinned
    assert [one.digest for one in found.stages] == [one.digest for one in status.stages]


def test_of_few_stages_ten_attempts_are_kept_whole() -> None:
    pinned, wanted = many(0, 1)
    assert room_for(pinned, wanted, 20_000) == LEVELS[0]


def test_the_shortcut_for_few_stages_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    one = resource(17, 1)
    pinned = planned(one)
    monkeypatch.setattr("lingraft_operator.status.room.FEW_STAGES", 0)
    assert room_for(pinned, parse(one, config()), 200_000) == LEVELS[0]


def test_a_plan_without_room_is_refused_with_what_to_do() -> None:
    with pytest.raises(NoRoomError, match=r"643 stages .* divide the tasks") as caught:
        planned(resource(32, 20, other_bytes=900_000))
    assert caught.value.where == "spec.tasks"


def test_a_stage_without_room_is_refused_before_anything_runs() -> None:
    """Labels stand in the graft, which comes last: 642 RayJobs ran for nothing."""
    labels = [f"label-{n}-{'x' * 200}" for n in range(600)]
    one = task(format="classification", labels=labels)
    with Simulation().running() as sim:
        sim.create("a", "one", spec("fr", tasks=[one]))
        sim.run_for(5)
        status = sim.status(("a", "one"))
        (stalled,) = [c for c in status.conditions if c.type == "Stalled"]
        assert stalled.reason == "PlanTooLarge" and "a pod's environment" in stalled.message
        assert not status.heals and not sim.rayjobs()


@given(texts, st.integers(1, 500))
def test_a_text_is_cut_to_bytes_as_go_writes_them(text: str, most: int) -> None:
    found = cut(text, most)
    assert found == text or (text.startswith(found[:-1]) and json_bytes(found) - 2 <= most + 3)
    assert json_bytes(text) >= len(json.dumps(text, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("text", "size"), [("a", 3), ("<", 8), ("é", 4), ("\n", 4), ("\x01", 8), ("\u2028", 8)]
)
def test_bytes_are_counted_as_go_writes_them(text: str, size: int) -> None:
    assert json_bytes(text) == size
