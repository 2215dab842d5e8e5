"""When artifacts are looked at again, and what counts as gone."""

from datetime import timedelta
from pathlib import Path

import pytest

from lingraft.plan import Plan
from lingraft.stage import Result
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import StageStore
from lingraft_operator.decision.done import (
    LOOK_SECONDS,
    first_look,
    gone_of,
    gone_summary,
    named_refs,
)
from tests.support.specs import planned, spec_of, task


@pytest.fixture
def plan() -> Plan:
    return planned(spec_of(tasks=[task()]))


@pytest.fixture
def store(tmp_path: Path, plan: Plan) -> ArtifactStore:
    """With all stages done, of one file each."""
    made = open_store(f"{(tmp_path / 'store').as_uri()}/")
    out = tmp_path / "out"
    out.mkdir()
    (out / "weights").write_text("numbers")
    for one in plan.stages:
        stages = StageStore(made, one.stage, "me")
        stages.publish(stages.upload(out), Result(), {})
    return made


def test_what_is_whole_is_not_gone(store: ArtifactStore, plan: Plan) -> None:
    assert gone_of(store, named_refs(plan)) == ()


@pytest.mark.parametrize("name", ["corpus", "embed", "finetune-xnli-0", "graft"])
@pytest.mark.parametrize("what", ["manifest.json", "me/files/weights"])
def test_a_manifest_or_a_file_that_is_missing(
    store: ArtifactStore, plan: Plan, name: str, what: str
) -> None:
    ref = plan[name].stage.ref
    store.delete(f"{ref}/{what}")
    assert gone_of(store, named_refs(plan)) == (ref,)
    said = gone_summary((ref,), plan)
    assert (said.state, said.reason) == ("Stalled", "ArtifactsGone")
    assert f"/{ref}/" in said.message and "lingraft.dev/retry" in said.message


@pytest.mark.parametrize("what", ["manifest.json", "me/files/weights"])
def test_a_manifest_or_a_file_that_is_spoilt(store: ArtifactStore, plan: Plan, what: str) -> None:
    ref = plan["embed"].stage.ref
    store.put(f"{ref}/{what}", b"?")
    assert gone_of(store, named_refs(plan)) == (ref,)


def test_what_lies_between_is_not_asked_for(store: ArtifactStore, plan: Plan) -> None:
    for one in plan.stages:
        if one.stage.kind in ("mini", "pretrain"):
            store.delete_prefix(f"{one.stage.ref}/")
    assert gone_of(store, named_refs(plan)) == ()


def test_first_looks_are_spread_over_the_time_between_two() -> None:
    delays = sorted(first_look(f"uid-{n}") for n in range(200))
    assert delays[0] >= 0 and delays[-1] < LOOK_SECONDS
    assert timedelta(seconds=delays[150] - delays[50]) > timedelta(seconds=LOOK_SECONDS / 4)
