"""The operator in a world where everything that can happen does.

A hypothesis state machine drives the real worker, cache and decisions in a simulated world
(`tests/support/operator`). What must hold at every write stands in `checks.py`; here stand the
things that happen. LINGRAFT_MODEL_EXAMPLES=5000 looks longer, and elsewhere each time.
"""

import os
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lingraft.store.lease import LEASE_SECONDS
from lingraft_operator import names
from lingraft_operator.world import Key
from tests.support.operator.api_server import KINDS, LA, Body
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.fake_cluster import FAULTS
from tests.support.operator.kuberay import spec_of
from tests.support.operator.simulation import Simulation, config
from tests.support.operator.specs import CHANGES, POD_STATES, SHAPES

EXAMPLES = int(os.environ.get("LINGRAFT_MODEL_EXAMPLES", "0"))
which = st.integers(0, 5)
"""The n-th of whatever there is."""
shapes = st.sampled_from(sorted(SHAPES))


def one_of(*words: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(words)


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        self.words = 0
        self.before = sys.exc_info()[1]

    @initialize(
        copies=st.sampled_from([1, 1, 2]),
        large=st.sampled_from([None, None, 1]),
        made=st.lists(st.tuples(one_of("a", "a", "b"), shapes), min_size=1, max_size=3),
    )
    def begin(self, copies: int, large: int | None, made: list[tuple[str, str]]) -> None:
        pools = {"large": {"maxConcurrentStages": large}} if large else {}
        self.sim = Simulation(config(pools=pools))
        self.closing.enter_context(self.sim.running(copies))
        for number, (namespace, shape) in enumerate(made):
            self.sim.create(namespace, f"first-{number}", SHAPES[shape])

    def teardown(self) -> None:
        with self.closing:
            if sys.exc_info()[1] is self.before:  # else a rule has failed already
                self.sim.come_to_rest()
                self.sim.check_rest()

    # Users.

    def _resource(self, n: int) -> Key | None:
        found = list(self.sim.resources())
        return found[n % len(found)] if found else None

    @rule(namespace=one_of("a", "b"), name=one_of("new", "newer"), shape=shapes)
    def user_creates(self, namespace: str, name: str, shape: str) -> None:
        if self.sim.api.find(LA, namespace, name) is None:
            self.sim.create(namespace, name, SHAPES[shape])

    @rule(n=which, change=st.sampled_from(sorted(CHANGES)))
    def user_edits(self, n: int, change: str) -> None:
        if key := self._resource(n):
            self.sim.edit(key, **CHANGES[change])

    @rule(n=which, what=one_of("suspend", "resume", "delete", "delete slowly", "retry", "refresh"))
    def user_wants(self, n: int, what: str) -> None:
        key = self._resource(n)
        if key is None:
            return
        self.words += 1
        match what:
            case "suspend" | "resume":
                self.sim.edit(key, suspend=what == "suspend")
            case "delete" | "delete slowly":
                self.sim.remove(key, foreground=what == "delete slowly")
            case _:
                note = names.RETRY if what == "retry" else names.REFRESH
                self.sim.annotate(key, note, str(self.words))

    # Whole stretches, so that histories get somewhere.

    @rule(seconds=st.sampled_from([1, 5, 40, 70, 400, 1300]))
    def everything_goes_its_way(self, seconds: int) -> None:
        self.sim.run_for(seconds)

    @rule(seconds=st.sampled_from([0, 1, 40]))
    def all_trainers_succeed(self, seconds: int) -> None:
        for rayjob in self.sim.rayjobs():
            self.sim.finish(rayjob, "success")
        self.sim.run_for(seconds)

    @rule()
    def all_comes_to_rest(self) -> None:
        self.sim.come_to_rest()
        self.sim.check_rest()

    @rule(seconds=st.sampled_from([1, 31, 121, 310, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.sim.advance(seconds)

    # RayJobs and what is in them.

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

    # The operator.

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

    # The world around.

    @rule(
        what=one_of(
            *("store refuses", "store answers", "store is slow", "store is fast"),
            *("sources are away", "sources are there", "buckets are overwritten"),
            *("scores fall", "scores rise", "pods go", "garbage is collected"),
            *("clocks are slow", "clocks are fast", "clocks are right"),
            *("embed is cleaned up", "graft is cleaned up"),
            *("a corpus is late", "a corpus is there", "a quota is full", "a quota has room"),
            *("access is taken away", "access is given back"),
        )
    )
    def around(self, what: str) -> None:
        match what:
            case "store refuses" | "store answers":
                self.sim.refuse(what == "store refuses")
            case "store is slow" | "store is fast":
                self.sim.slow_seconds = 0.2 if what == "store is slow" else 0.0
            case "sources are away" | "sources are there":
                self.sim.sources_away = what == "sources are away"
            case "buckets are overwritten":
                self.sim.content += 1
            case "scores fall" | "scores rise":
                self.sim.score = 0.5 if what == "scores fall" else 0.7
            case "clocks are slow" | "clocks are fast" | "clocks are right":
                minutes = {"slow": -6, "fast": 6}.get(what.rpartition(" ")[2], 0)
                self.sim.kuberay.skew = timedelta(minutes=minutes)
            case "embed is cleaned up" | "graft is cleaned up":
                self.sim.lose_artifacts(what.partition(" ")[0])
            case "a corpus is late":
                self.sim.missing |= {"s3://corpora/sw/", "s3://corpora/fr/"}
            case "a corpus is there":
                self.sim.missing.clear()
            case "a quota is full" | "a quota has room":
                full = what == "a quota is full"
                self.sim.kuberay.refused = "pods are forbidden: exceeded quota" if full else ""
            case "access is taken away" | "access is given back":
                given = what == "access is given back"
                access = self.sim.healthy.access if given else ()
                self.sim.configure(self.sim.healthy.model_copy(update={"access": access}))
            case "pods go":
                self.sim.kuberay.pods_go()
            case _:
                self.sim.api.collect_garbage()

    @rule(kind=one_of("corpus", "finetune"), invalid=st.sampled_from([None, True, False]))
    def rayjobs_are_refused(self, kind: str, invalid: bool | None) -> None:
        self.sim.refused.pop(kind, None)
        if invalid is not None:
            self.sim.refused[kind] = invalid

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

    # What always holds; what holds at writes stands in checks.py.

    @invariant()
    def one_rayjob_a_stage_and_namespace(self) -> None:
        found: Counter[tuple[str, ...]] = Counter()
        for rayjob in self.sim.rayjobs():
            stage = spec_of(rayjob)
            pod = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
            secret = str(pod["containers"][0].get("envFrom"))
            found[rayjob["metadata"]["namespace"], stage.stage.ref, stage.store, secret] += 1
        assert max(found.values(), default=1) == 1, found

    @invariant()
    def one_writer_a_stage(self) -> None:
        writers = Counter(
            (trainer.spec.store, trainer.spec.stage.ref)
            for trainer in self.sim.kuberay.trainers.values()
            if trainer.believes(LEASE_SECONDS)
        )
        assert max(writers.values(), default=1) == 1, writers


World.TestCase.settings = settings(
    max_examples=EXAMPLES or 25,
    stateful_step_count=40,
    derandomize=not EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWorld = World.TestCase
