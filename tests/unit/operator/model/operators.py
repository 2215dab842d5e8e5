"""What befalls copies of the operator."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.operator.api_server import KINDS
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.fake_cluster import FAULTS
from tests.unit.operator.model.rayjobs import RayJobs
from tests.unit.operator.model.users import one_of, which


class Operators(RayJobs):
    """Watches tell late, passes are made, copies are restarted."""

    def _copy(self, n: int) -> OperatorCopy:
        return self.sim.copies[n % len(self.sim.copies)]

    @rule(n=which, stream=which, count=st.integers(1, 3), again=st.booleans())
    def watch_tells(self, n: int, stream: int, count: int, again: bool) -> None:
        copy = self._copy(n)
        if waiting := list(copy.watch.streams):
            copy.deliver(waiting[stream % len(waiting)], count, again=again)

    @rule(n=which, passes=st.sampled_from([1, 60]))
    def operator_works(self, n: int, passes: int) -> None:
        copy = self._copy(n)
        if passes == 1:
            copy.work()
        else:
            copy.run(passes)

    @rule(
        n=which,
        what=one_of("is restarted", "is doubled", "lists again", "sweeps", *KINDS, *FAULTS),
        later=st.integers(0, 2),
    )
    def operator(self, n: int, what: str, later: int) -> None:
        copy = self._copy(n)
        if what == "is restarted":
            copy.start()
        elif what == "is doubled":
            if len(self.sim.copies) < 2:
                self.sim.add_copy()
        elif what == "lists again":
            copy.list_again()
        elif what == "sweeps":
            copy.sweep()
        elif what in KINDS:
            self.sim.break_watch(copy, what)
        else:
            copy.faults[:] = [""] * later + [what]

    @rule(
        after=st.integers(0, 12),
        what=one_of("success", "vanishes", "suspend", "resume", "other copy"),
        n=which,
    )
    def in_the_middle_of_a_pass(self, after: int, what: str, n: int) -> None:
        self.sim.interrupts.append((after, lambda: self._suddenly(what, n)))

    def _suddenly(self, what: str, n: int) -> None:
        if what == "success":
            if rayjob := self._working(n):
                self.sim.finish(rayjob, "success")
                self.sim.kuberay.step(rayjob)
        elif what == "vanishes":
            if rayjob := self._rayjob(n):
                self.sim.vanish(rayjob)
        elif what == "other copy":
            for copy in self.sim.copies:
                if not copy.busy:
                    copy.run(5)
        elif key := self._resource(n):
            self.sim.edit(key, suspend=what == "suspend")
