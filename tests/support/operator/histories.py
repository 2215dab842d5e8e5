"""Short words for histories: resources one, two ... in a simulated world, and their ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES

ONE, TWO = ("a", "one"), ("a", "two")


@contextmanager
def world(*shapes: str, copies: int = 1, **settings: Any) -> Iterator[Simulation]:
    """Resources one, two ... in namespace a, whose first stages run; at the end all is checked."""
    with Simulation(config(**settings)).running(copies) as simulation:
        for name, shape in zip(("one", "two", "three"), shapes, strict=False):
            simulation.create("a", name, SHAPES[shape])
        simulation.run_for(5)
        yield simulation
        simulation.come_to_rest()
        simulation.check_rest()


def phases(simulation: Simulation) -> list[str]:
    return [simulation.status(key).phase for key in simulation.resources()]


def launched(simulation: Simulation, stage: str) -> int:
    """How many attempts at a stage there were, over all resources."""
    uids = {
        attempt.uid
        for key in simulation.resources()
        for one in simulation.status(key).stages
        for attempt in one.attempts
        if one.name == stage
    }
    return len(uids)


def fail(simulation: Simulation, stage: str, outcome: Any) -> None:
    (rayjob,) = simulation.rayjobs(stage)
    simulation.finish(rayjob, outcome)
    simulation.kuberay.step(rayjob)


def says(simulation: Simulation) -> dict[str, str]:
    return {one.type: one.status for one in simulation.status(ONE).conditions}


def refreshed(sim: Simulation) -> tuple[str, str, str]:
    """Status, reason and message of the condition Refreshed."""
    (said,) = [one for one in sim.status(ONE).conditions if one.type == "Refreshed"]
    return said.status, said.reason, said.message


def stalled(sim: Simulation, reason: str, key: Any = ONE) -> str:
    """That a resource says Stalled for a reason, and that it will heal; its message."""
    status = sim.status(key)
    (said,) = [one for one in status.conditions if one.type == "Stalled"]
    assert (said.reason, status.heals) == (reason, True), sim.describe()
    return said.message


def starts(sim: Simulation) -> list[Any]:
    """When each attempt at the first stage began."""
    return [one.started_at for one in sim.status(ONE).stages[0].attempts]
