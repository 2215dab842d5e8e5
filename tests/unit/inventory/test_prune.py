"""What nothing reaches goes; what is wanted, held or young stays, and is not computed again."""

import time
from pathlib import Path

import pytest

from lingraft.inventory.prune import prunable, prune
from lingraft.inventory.survey import survey
from lingraft.plan import Plan
from lingraft.stage import LOCAL, MADE_FOR, WRITTEN_BY, Result
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore, read_manifest
from tests.support.specs import planned, spec_of, task

LATER = time.time() + 30 * 86_400


def put(store: ArtifactStore, plan: Plan, folder: Path, name: str, writer: str = LOCAL) -> None:
    """All stages of a plan done, of one file each, those that were not done before."""
    folder.mkdir(exist_ok=True)
    (folder / "weights").write_text("numbers")
    for one in plan.stages:
        stages = StageStore(store, one.stage, "me")
        made = {MADE_FOR: f"{name}/{one.name}", WRITTEN_BY: writer}
        if stages.manifest() is None:
            stages.publish(stages.upload(folder), Result(), made)


@pytest.fixture
def swahili() -> Plan:
    return planned(spec_of("MiniPost", tasks=[task()]))


@pytest.fixture
def thai() -> Plan:
    return planned(spec_of("MiniPost", language="th", tasks=[task(test="file:///th")]))


@pytest.fixture
def store(tmp_path: Path, swahili: Plan, thai: Plan) -> ArtifactStore:
    made = open_store(f"{(tmp_path / 'store').as_uri()}/")
    put(made, swahili, tmp_path / "out", "swahili")
    put(made, thai, tmp_path / "out", "thai", "models/thai")
    return made


def refs(plan: Plan) -> set[str]:
    return {one.stage.ref for one in plan.stages}


def test_what_is_there_by_language(store: ArtifactStore, swahili: Plan, thai: Plan) -> None:
    found = survey(store)
    assert set(found) == refs(swahili) | refs(thai)
    assert found[thai["graft"].stage.ref].language == "th"
    assert found[swahili["mini"].stage.ref].language == "sw,th", "both were made of it"
    assert found[swahili["embed"].stage.ref].resource == "swahili", "a file's, on one machine"
    assert found[swahili["mini"].stage.ref].resource == "models/thai,swahili"
    assert found[thai["graft"].stage.ref].called == "thai/graft"
    graft = found[thai["graft"].stage.ref]
    assert graft.begins("thai/gr") and graft.begins("graft/") and not graft.begins("swahili/")
    assert all(one.bytes > 0 and one.manifest for one in found.values())


def test_only_what_nothing_reaches_goes(store: ArtifactStore, swahili: Plan, thai: Plan) -> None:
    doomed = prunable(survey(store), refs(swahili), now=LATER, days=7)
    assert {one.entry.ref for one in doomed} == refs(thai) - refs(swahili)
    assert all(prune(store, one) for one in doomed)
    assert set(survey(store)) == refs(swahili)
    # A published version's graft alone keeps all that it rests on.
    assert prunable(survey(store), [swahili["graft"].stage.ref], now=LATER, days=7) == []


def test_what_is_young_stays(store: ArtifactStore) -> None:
    assert prunable(survey(store), [], now=time.time(), days=7) == []
    assert len(prunable(survey(store), [], now=time.time() + 1, days=0)) == len(survey(store))


def test_what_a_lease_holds_stays(store: ArtifactStore, swahili: Plan, thai: Plan) -> None:
    stage = thai["graft"].stage
    Lease(store, stage, "somebody").acquire()
    doomed = prunable(survey(store), refs(swahili), now=LATER, days=7)
    (held,) = [one for one in doomed if not prune(store, one)]
    assert held.entry.ref == stage.ref and read_manifest(store, stage.ref) is not None


def test_an_intermediate_is_not_trained_again(store: ArtifactStore, swahili: Plan) -> None:
    doomed = prunable(survey(store), refs(swahili), now=LATER, days=7, intermediates=True)
    emptied = {one.entry.ref for one in doomed if one.what == "files"}
    assert emptied == {swahili["mini"].stage.ref, swahili["mini-corpus"].stage.ref}
    for one in doomed:
        assert prune(store, one)
    for one in swahili.stages:
        assert read_manifest(store, one.stage.ref) is not None, "a run finds it cached"
    assert store.get(f"{swahili['mini'].stage.ref}/me/files/weights") is None
    assert store.get(f"{swahili['embed'].stage.ref}/me/files/weights") is not None


def test_an_intermediate_that_is_still_wanted_stays(store: ArtifactStore, swahili: Plan) -> None:
    store.delete(f"{swahili['embed'].stage.ref}/manifest.json")
    doomed = prunable(survey(store), refs(swahili), now=LATER, days=7, intermediates=True)
    assert [one for one in doomed if one.what == "files"] == []
