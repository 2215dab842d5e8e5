"""What else is in a store: the newest manifests, few of them, and checkpoints that wait."""

from pathlib import Path

import pytest

from lingraft import history
from lingraft.history import look_back, newest_manifests
from lingraft.plan import Plan
from lingraft.stage import Manifest, Result, Stage
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import StageStore
from tests.support.specs import planned, spec_of


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return planned(spec_of("MiniPost", store={"uri": (tmp_path / "store").as_uri()}))


def publish(store: ArtifactStore, stage: Stage) -> Manifest:
    return StageStore(store, stage, "me").publish((), Result(), {})


def stages(count: int) -> list[Stage]:
    return [Stage(kind="embed", params={"number": i}, inputs={}) for i in range(count)]


def test_manifests_of_a_kind_are_read_newest_first(plan: Plan):
    store = open_store(plan.store)
    for stage in stages(5):
        publish(store, stage)
    store.put("embed/x/me/files/manifest.json", b"a file of that name in an artifact")
    found = newest_manifests(store, "embed")
    assert [one.stage.params["number"] for one in found] == [4, 3, 2, 1, 0]
    assert newest_manifests(store, "mini") == []


def test_reads_are_bounded_and_the_oldest_are_left_out(plan: Plan, monkeypatch: pytest.MonkeyPatch):
    store = open_store(plan.store)
    for stage in stages(6):
        publish(store, stage)
    monkeypatch.setattr(history, "MOST_MANIFESTS", 2)
    numbers = [one.stage.params["number"] for one in newest_manifests(store, "embed")]
    assert numbers == [5, 4]


def test_a_manifest_that_is_none_hides_no_other(plan: Plan):
    store = open_store(plan.store)
    publish(store, stages(1)[0])
    store.put("embed/0/manifest.json", b"{}")
    store.put("embed/1/manifest.json", b"not JSON")
    assert len(newest_manifests(store, "embed")) == 1


def test_only_what_is_still_to_be_computed_is_looked_at(plan: Plan, tmp_path: Path):
    store = open_store(plan.store)
    (tmp_path / "part").mkdir()
    (tmp_path / "part/weights").write_text("half")
    for name in ("mini", "embed"):
        StageStore(store, plan[name].stage, "killed").save_checkpoint(700, tmp_path / "part")
    found = look_back(plan, ["corpus", "mini-corpus", "mini"])
    assert found.checkpoints == {"embed": 700}
    assert found.others == {"embed": [], "graft": []}
    assert look_back(plan, [one.name for one in plan.stages]).others == {}
