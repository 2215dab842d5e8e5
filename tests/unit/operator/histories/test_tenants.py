"""One tenant harms neither another nor the operator."""

import json

import pytest

from lingraft_operator import names, worker
from lingraft_operator.planning import planned
from tests.support.operator.histories import ONE, TWO, phases, stalled, world
from tests.support.operator.settings import STORE, config
from tests.support.operator.specs import SHAPES


def test_what_kills_the_operator_twice_is_set_aside_and_harms_no_other() -> None:
    with world("plain") as sim:
        running = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.deadly.add(ONE)
        sim.create(*TWO, SHAPES["task"])
        sim.run_for(120)
        status = sim.status(ONE)
        assert [(c.type, c.reason) for c in status.conditions[:2]] == [
            ("Ready", "SetAside"),
            ("Stalled", "SetAside"),
        ]
        assert not status.heals
        assert running <= {body["metadata"]["uid"] for body in sim.rayjobs()}, "what runs goes on"
        sim.run_for(3600)
        assert sim.status(TWO).stages, "the other one is tended"
        sim.deadly.clear()
        sim.annotate(ONE, names.RETRY, "1")
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] * 2


def test_what_killed_it_by_chance_or_kills_it_no_more_goes_on_by_itself() -> None:
    with world("plain") as sim:
        sim.deadly.add(ONE)
        sim.run_for(600)
        assert phases(sim) == ["Stalled"]
        sim.deadly.clear()
        sim.run_for(3600)
        assert phases(sim) == ["Running"]


def test_a_manifest_that_is_too_large_stalls_whom_it_is_of_and_nothing_is_ended() -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        store, ref = sim.store_at(STORE), rayjob["metadata"]["annotations"][names.STAGE]
        store.put(f"{ref}/manifest.json", b" " * (5 << 20))
        sim.run_for(120)
        message = stalled(sim, "TooLarge")
        assert "5,242,880 bytes; at most 4,096 KiB" in message and f"{ref}/manifest.json" in message
        assert [b["metadata"]["uid"] for b in sim.working()] == [rayjob["metadata"]["uid"]]
        store.lose(f"{ref}/manifest.json")
        sim.run_for(3700)
        assert phases(sim) == ["Running"]


def test_what_an_admin_does_not_allow_waits_for_one_who_does() -> None:
    with world(pools={"small": {"max": {"workers": 1}}}) as sim:
        sim.create(*ONE, SHAPES["plain"] | {"pools": {"small": {"workers": 2}}})
        sim.run_for(60)
        assert "at most 1 may be asked for" in stalled(sim, "NotAllowed")
        assert not sim.rayjobs()
        sim.configure(config())
        sim.healthy = sim.config
        sim.run_for(10)
        assert sim.rayjobs("corpus")


def test_a_pool_that_shrinks_ends_nothing_that_runs() -> None:
    with world() as sim:
        sim.create(*ONE, SHAPES["plain"] | {"pools": {"small": {"workers": 2}}})
        sim.run_for(10)
        running = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.configure(config(pools={"small": {"overridable": []}}))
        sim.run_for(60)
        stalled(sim, "NotAllowed")
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == running


def test_a_namespace_s_queue_is_every_resource_s() -> None:
    tenants = [{"namespace": "a", "queue": "team", "queueRequired": True}]
    with world("plain", tenants=tenants) as sim:
        (rayjob,) = sim.rayjobs("corpus")
        assert rayjob["metadata"]["labels"][names.QUEUE] == "team"


def test_many_manifests_that_are_just_not_too_large_are_not_kept() -> None:
    """One of four megabytes is read; hundreds of them would not fit."""
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.finish(rayjob, "success")
        store, ref = sim.store_at(STORE), rayjob["metadata"]["annotations"][names.STAGE]
        key = f"{ref}/manifest.json"
        honest = json.loads((store.get(key) or (b"", ""))[0])
        for field, value in (("holder", "h" * 100_000), ("createdAt", "t" * 100_000)):
            store.plant(key, json.dumps(honest | {field: value}).encode())
            sim.run_for(120)
            assert "at most 64 KiB are kept" in stalled(sim, "TooLarge")
        bulky = {"metrics": {"m": ["x" * 50] * 9_000}, "environment": {"e": "y" * 500_000}}
        store.plant(key, json.dumps(honest | bulky).encode())
        sim.run_for(3700)
        assert sim.status(ONE).stages[0].state == "Done"
        assert sim.status(ONE).stages[0].written_by == "unknown"


@pytest.mark.parametrize("file", ["progress.json", "failure.json"])
def test_what_a_holder_says_has_an_end(file: str) -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        holder = rayjob["metadata"]["annotations"][names.HOLDER]
        place = f"{rayjob['metadata']['annotations'][names.STAGE]}/{holder}/{file}"
        sim.store_at(STORE).plant(place, b" " * 70_000)
        sim.finish(rayjob, "killed" if file == "failure.json" else "success")
        sim.run_for(30)
        if file == "failure.json":
            assert "at most 64 KiB" in stalled(sim, "TooLarge")
        sim.store_at(STORE).lose(place)
        sim.run_for(3700)


def test_a_store_that_is_too_slow_ends_the_pass_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world("plain") as sim:
        running = {body["metadata"]["uid"] for body in sim.rayjobs()}
        with monkeypatch.context() as slow:
            slow.setattr(worker, "OBSERVE_SECONDS", -1)
            sim.run_for(120)
        (said,) = [c for c in sim.status(ONE).conditions if c.type == "Reconciling"]
        assert said.reason == "StoreUnavailable" and "the store is too slow" in said.message
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == running


def test_looking_up_inputs_has_its_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with world() as sim, monkeypatch.context() as slow:
        slow.setattr(planned, "PLAN_SECONDS", -1)
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(60)
        assert not sim.rayjobs()
        (said,) = [c for c in sim.status(ONE).conditions if c.type == "Reconciling"]
        assert "the store is too slow" in said.message
