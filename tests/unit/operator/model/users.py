"""What users do, and stretches of time."""

import sys
from contextlib import ExitStack
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lingraft_operator import names
from lingraft_operator.world import Key
from tests.support.operator.api_server import LA
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import CHANGES, SHAPES

which = st.integers(0, 5)
"""The n-th of whatever there is."""
shapes = st.sampled_from(sorted(SHAPES))


def one_of(*words: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(words)


class Users(RuleBasedStateMachine):
    """Resources are created, edited, removed; everything goes its way for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        self.words = 0
        self.before = sys.exc_info()[1]

    @initialize(
        copies=st.sampled_from([1, 1, 2]),
        large=st.sampled_from([None, None, 1]),
        priced=st.booleans(),
        made=st.lists(st.tuples(one_of("a", "a", "b"), shapes), min_size=1, max_size=3),
    )
    def begin(
        self, copies: int, large: int | None, priced: bool, made: list[tuple[str, str]]
    ) -> None:
        pools: dict[str, Any] = {"large": {"maxConcurrentStages": large}} if large else {}
        if priced:
            for name in ("small", "large"):
                pools[name] = {**pools.get(name, {}), "price": {"perHour": 2.0}}
        self.sim = Simulation(config(pools=pools))
        self.closing.enter_context(self.sim.running(copies))
        for number, (namespace, shape) in enumerate(made):
            self.sim.create(namespace, f"first-{number}", SHAPES[shape])

    def teardown(self) -> None:
        with self.closing:
            if sys.exc_info()[1] is self.before:  # else a rule has failed already
                self.sim.come_to_rest()
                self.sim.check_rest()

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
