"""The status says where a stage's log is: of who made the artifact, or of the last attempt."""

from lingraft.status import LanguageAdaptationStatus
from lingraft.store.logs import log_uri
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import spec


def test_of_the_attempt_and_then_of_who_made_the_artifact() -> None:
    with Simulation().running() as sim:
        sim.create("a", "one", spec("fr"))
        sim.run_for(5)
        (stage,) = [one for one in status_of(sim).stages if one.kind == "corpus"]
        assert stage.log is not None and stage.log.endswith(
            f"/{stage.kind}/{stage.digest}/{stage.attempts[-1].holder}/log.txt"
        )
        waiting = [one for one in status_of(sim).stages if one.state == "Waiting"]
        assert waiting and {one.log for one in waiting} == {None}
        sim.come_to_rest()
        status = status_of(sim)
        assert status.phase == "Ready" and status.plan is not None
        for one in status.stages:
            assert one.log == log_uri(
                status.plan.plan.store, f"{one.kind}/{one.digest}", one.holder or ""
            )


def status_of(sim: Simulation) -> LanguageAdaptationStatus:
    return sim.status(("a", "one"))
