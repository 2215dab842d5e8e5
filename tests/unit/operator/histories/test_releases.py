"""Objects that other releases left behind: older ones are finished, newer ones stop nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lingraft.stage import CONTRACT
from tests.support.operator.api_server import LA
from tests.support.operator.histories import ONE, phases, stalled
from tests.support.operator.releases import CHANGES, with_unknown_fields
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import POD_STATES, SHAPES

DATA = Path(__file__).parents[3] / "data"
RECORDED: dict[str, Any] = json.loads((DATA / "statuses/contract-2.json").read_text())
"""What the operator of contract 2 had written, by how the resource stood (spec and status)."""
OLD: dict[str, Any] = json.loads((DATA / "plans/contract-1.json").read_text())


def put(sim: Simulation, spec: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    """A resource as it is found by a new operator."""
    sim.create(*ONE, spec)
    body = sim.api.objects[LA, *ONE]
    body["status"] = json.loads(json.dumps(status))
    body["metadata"]["generation"] = status.get("observedGeneration", 1)
    # Whoever had failed there had a reason.
    stages = status.get("stages", ())
    sim.checks.blamed |= {f"{one['kind']}/{one['digest']}" for one in stages}
    sim.api.last_uid = 1000  # none that is known from then
    sim.add_copy()


def images(sim: Simulation) -> set[str]:
    heads = [b["spec"]["rayClusterSpec"]["headGroupSpec"]["template"] for b in sim.rayjobs()]
    return {head["spec"]["containers"][0]["image"] for head in heads}


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("change", [None, *CHANGES])
def test_what_another_release_wrote_comes_to_a_good_end(name: str, change: str | None) -> None:
    spec, status = RECORDED[name]["spec"], RECORDED[name]["status"]
    if change is not None:
        status = CHANGES[change](status)
    with Simulation().running(0) as sim:
        put(sim, spec, status)
        sim.come_to_rest()
        sim.check_rest()
        final = {"suspended": "Suspended", "failed for good": "Stalled"}.get(name, "Ready")
        begun_anew = change == "a plan of contract 1" and final == "Stalled"
        assert phases(sim) == ["Ready" if begun_anew or _replanned(name, change) else final]
        if name == "ready" and change in (None, "fields", "an unreadable plan"):
            assert not sim.rayjobs(), "what is done is not computed again"


def _replanned(name: str, change: str | None) -> bool:
    return change == "an unreadable plan" and name == "failed for good"


def test_unknown_fields_are_written_back() -> None:
    """A roll-back must not lose what the newer release remembers."""
    recorded = RECORDED["running"]
    with Simulation().running(0) as sim:
        put(sim, recorded["spec"], with_unknown_fields(recorded["status"]))
        sim.come_to_rest()
        status = sim.resources()[ONE]["status"]
        assert status["phase"] == "Ready"
        for kept in (status, status["plan"], *status["stages"], status["stages"][0]["attempts"][0]):
            assert kept["unheardOf"] == {"since": "1.9"}


def pinned_by_contract_1(sim: Simulation) -> None:
    plan = {"generation": 1, "contract": 1, "trainerImage": "old", "content": OLD["content"]}
    put(sim, SHAPES["plain"], {"observedGeneration": 1, "phase": "Pending", "plan": plan})


def test_a_plan_of_an_older_contract_is_finished_with_its_own_image() -> None:
    with Simulation().running(0) as sim:
        pinned_by_contract_1(sim)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] and images(sim) == {"old"}
        assert {ref for _, ref in sim.done()} == set(OLD["refs"].values())


def test_where_its_image_is_gone_for_long_it_is_planned_anew_and_says_so() -> None:
    """The new image would write under other digests: what it did was never found."""
    with Simulation().running(0) as sim:
        pinned_by_contract_1(sim)
        sim.kuberay.held = True
        sim.run_for(5)
        for minutes in range(0, 65, 5):
            for rayjob in sim.rayjobs():
                sim.trouble(rayjob, POD_STATES["has no image"])
            plan = sim.status(ONE).plan
            assert plan is not None and plan.contract == 1
            sim.run_for(310)
            assert minutes == 60 or stalled(sim, "ImagePullBackOff")
        plan = sim.status(ONE).plan
        assert plan is not None and plan.contract == CONTRACT
        said = sim.status(ONE).conditions[0].message
        assert "planned anew: the plan before has contract 1" in said
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] and "lingraft/trainer:1" in images(sim)


def test_a_plan_that_cannot_be_read_is_made_anew_and_says_so() -> None:
    recorded = RECORDED["running"]
    with Simulation().running(0) as sim:
        put(sim, recorded["spec"], CHANGES["an unreadable plan"](recorded["status"]))
        sim.run_for(5)
        assert "this one cannot read it" in sim.status(ONE).conditions[0].message
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
