"""What befalls RayJobs and what is in them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.operator.api_server import Body
from tests.support.operator.specs import POD_STATES
from tests.unit.operator.model.users import Users, one_of, which


class RayJobs(Users):
    """Trainers end, hang and are lost; RayJobs vanish and are held; pods are in trouble."""

    def _rayjob(self, n: int) -> Body | None:
        found = self.sim.rayjobs()
        return found[n % len(found)] if found else None

    def _working(self, n: int) -> Body | None:
        found = self.sim.working()
        return found[n % len(found)] if found else None

    @rule(
        n=which,
        outcome=one_of("success", "user", "infrastructure", "resource", "killed", "outside"),
        told=st.booleans(),
    )
    def trainer_ends(self, n: int, outcome: Any, told: bool) -> None:
        if rayjob := self._working(n):
            self.sim.finish(rayjob, outcome)
            if told:
                self.sim.kuberay.step(rayjob)

    @rule(
        n=which,
        what=one_of(
            *("saves", "is silent", "is lost with its node", "is cut off", "is started again"),
            *("is said to be Failed", "is said to be Complete", "is said to be ValidationFailed"),
        ),
    )
    def trainer(self, n: int, what: str) -> None:
        rayjob = self._working(n)
        if rayjob is None:
            return
        match what:
            case "saves":
                self.sim.kuberay.trainers[rayjob["metadata"]["uid"]].checkpoint()
            case "is silent":
                self.sim.silence(rayjob)
            case "is cut off":
                self.sim.cut_off(rayjob)
            case "is lost with its node":
                self.sim.lose_node(rayjob)
            case "is started again":  # the head was lost
                self.sim.kuberay.submit_again(rayjob)
            case _:
                self.sim.misreport(rayjob, what.removeprefix("is said to be "))

    @rule(n=which, what=one_of("moves", "vanishes", "is held", "is admitted", *POD_STATES))
    def rayjob(self, n: int, what: str) -> None:
        rayjob = self._rayjob(n)
        if rayjob is None:
            return
        match what:
            case "moves":
                self.sim.kuberay.step(rayjob)
            case "vanishes":
                self.sim.vanish(rayjob)
            case "is held" | "is admitted":
                self.sim.suspend_rayjob(rayjob, what == "is held")
            case _:
                self.sim.trouble(rayjob, POD_STATES[what])

    @rule(n=which, what=one_of("starts", "starts", "success", "killed"))
    def local_run(self, n: int, what: Any) -> None:
        rayjob = self._rayjob(n)
        if what != "starts":
            self.sim.end_local_runs(what)
        elif rayjob is not None:
            self.words += 1
            self.sim.start_local_run(rayjob, f"laptop-{self.words}")
