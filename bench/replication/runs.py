"""Runs in the store: what they need, what of it is done, and doing the rest."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bench.replication.measure import Measured, measure
from bench.replication.preset import Preset, Run
from bench.replication.schedule import Precision, run_stages
from bench.replication.stages import distinct, with_curve
from lingraft.plan import Plan, readings
from lingraft.planning import manifests_of, plan_resource
from lingraft.selection import Reading
from lingraft.sources import pin
from lingraft.stage import Manifest, Source

ASSUMED_BYTES = 30_000_000
"""Of a task's data, where only the cost is asked for and there are none."""


def planned(
    preset: Preset, run: Run, pins: Mapping[Reading, Source] = MappingProxyType({})
) -> Plan:
    """A run's stages, over what is pinned already and what is found."""
    return with_curve(plan_resource(run.resource, pins), preset.evaluate_every)


def assumed(run: Run) -> dict[Reading, Source]:
    """Pins for what is not there yet, so that its cost can be said: no step depends on sizes."""
    return {
        one: pin(one.uri, [("text.txt", ASSUMED_BYTES, one.uri)], one.reads)
        for one in readings(run.resource.spec)
    }


def done_of(plans: list[Plan]) -> dict[str, Manifest]:
    """What is in the store already, by its place there."""
    return {m.stage.ref: m for plan in plans for m in manifests_of(plan).values()}


def execute(named: Mapping[str, Plan], jobs: int, precision: Precision) -> None:
    """Run what is not done of all plans, each named for people; they share most stages."""
    stages = distinct(named.values())
    labels: dict[str, str] = {}
    for name, plan in named.items():
        for one in plan.stages:
            labels.setdefault(one.stage.ref, f"{name}: {one.name}")
    run_stages(stages, labels, set(done_of([*named.values()])), jobs, precision)


def measured(preset: Preset, runs: Sequence[Run]) -> list[Measured]:
    """The curves of all runs that are done."""
    plans = {run: planned(preset, run) for run in runs}
    found = {run: manifests_of(plan) for run, plan in plans.items()}
    return [
        measure(run, plan, found[run])
        for run, plan in plans.items()
        if len(found[run]) == len(plan.stages)
    ]
