"""The operator in a world where everything that can happen does.

A hypothesis state machine drives the real worker, cache and decisions in a simulated world
(`tests/support/operator`). What must hold at every write stands in `checks.py`, the things that
happen beside this file. LINGRAFT_MODEL_EXAMPLES=5000 looks longer, and elsewhere each time.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from lingraft.store.lease import LEASE_SECONDS
from tests.support.operator.kuberay import spec_of
from tests.unit.operator.model.upgrades import Upgrades

EXAMPLES = int(os.environ.get("LINGRAFT_MODEL_EXAMPLES", "0"))


class World(Upgrades):
    """All of it, and what always holds; what holds at writes stands in checks.py."""

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
