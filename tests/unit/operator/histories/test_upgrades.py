"""The chart's settings change under what runs; what they took away they can give back."""

import pytest

from lingraft.hub.mirror import VARIABLE
from tests.support.operator.histories import ONE, TWO, phases, stalled, world
from tests.support.operator.settings import STORE, config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import POD_STATES, SHAPES, spec

DAY = 24 * 3600
NOTHING = config(access=[])


def test_access_that_is_given_to_a_resource_of_yesterday_sets_it_going() -> None:
    with Simulation(NOTHING).running() as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(DAY)
        assert "may not use" in stalled(sim, "AccessDenied")
        sim.configure(config())
        sim.run_for(5)
        assert phases(sim) == ["Running"]


def test_an_image_that_the_chart_corrects_reaches_what_was_planned_with_the_wrong_one() -> None:
    with Simulation(config(trainerImage="lingraft/trainer:typo")).running() as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(5)
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has no image"])
        sim.run_for(310)
        sim.configure(config())
        sim.run_for(5)
        plan = sim.status(ONE).plan
        assert plan is not None and plan.trainer_image == "lingraft/trainer:1"
        (rayjob,) = sim.rayjobs("corpus")
        assert "lingraft/trainer:1" in str(rayjob) and "typo" not in str(rayjob)


def test_a_bad_upgrade_stops_nothing_and_its_rollback_goes_on() -> None:
    with world("task", "french", "mini", "gate") as sim:
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.configure(NOTHING)
        sim.run_for(3600)
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        for key in sim.resources():
            stalled(sim, "AccessDenied", key)
        sim.configure(config())
        sim.run_for(5)
        assert set(phases(sim)) == {"Running"}
        attempts = [s.attempts for k in sim.resources() for s in sim.status(k).stages]
        assert all(len(one) <= 1 and all(a.counted for a in one) for one in attempts)


@pytest.mark.parametrize("setting", ["store", "hubMirror"])
def test_a_setting_that_vanishes_stops_nothing_either(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "s3://models/hub/")
    shape = spec(base={"uri": "hf://org/name"}) if setting == "hubMirror" else spec()
    if setting == "store":
        del shape["store"]
    with Simulation(config(store={"uri": STORE})).running() as sim:
        sim.create(*ONE, shape)
        sim.run_for(5)
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        monkeypatch.delenv(VARIABLE)
        sim.configure(config(store=None if setting == "store" else {"uri": STORE}))
        sim.run_for(600)
        stalled(sim, "NotConfigured")
        assert uids and {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        monkeypatch.setenv(VARIABLE, "s3://models/hub/")
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_what_may_no_longer_read_its_corpus_ends_what_runs_and_starts_nothing() -> None:
    less = config(access=[{"namespace": "*", "prefixes": ["s3://lingraft/", "s3://models/"]}])
    with world("plain") as sim:
        sim.configure(less)
        sim.run_for(60)
        assert sim.status(ONE).stages[0].progress is not None, "the store may be read still"
        for rayjob in sim.rayjobs():
            sim.finish(rayjob, "success")
        sim.run_for(DAY)
        assert sim.status(ONE).stages[0].state == "Done"
        stalled(sim, "AccessDenied")
        assert [s.name for s in sim.status(ONE).stages if s.attempts] == ["corpus"]


def test_what_is_done_needs_no_access() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.configure(NOTHING)
        sim.copies[0].queue.add(ONE)
        reads = sim.reads
        sim.run_for(DAY)
        assert phases(sim) == ["Ready"] and sim.reads == reads


def test_an_operator_that_knows_less_than_the_one_before_stops_nothing() -> None:
    """A roll-back of the chart over resources that use a newer field."""
    with world("plain") as sim:
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        ref = ("languageadaptations", *ONE)
        fields = {"spec": spec() | {"unheardOf": 1}}
        sim.api.objects[ref].update(fields)  # as it was stored: no new generation
        sim.copies[0].start()
        sim.run_for(600)
        stalled(sim, "NoLongerValid")
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        sim.api.objects[ref].update(spec=spec())
        sim.copies[0].start()


def test_a_kuberay_that_is_rolled_back_starts_nothing_and_stops_nothing() -> None:
    """Its CRD would drop what keeps a dashboard shut; by then the operator has long started."""
    with world("task") as sim:
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.old_kuberay = True
        sim.create(*TWO, SHAPES["french"])
        sim.run_for(600)
        assert "authOptions" in stalled(sim, "RayJobRefused", TWO)
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} >= uids
        assert not any(one.attempts for one in sim.status(TWO).stages)
        sim.old_kuberay = False
        sim.run_for(3700)
        assert phases(sim) == ["Running"] * 2
