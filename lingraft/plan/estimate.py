"""How long the rest of a plan may take: FLOPs by formula, over a rate that is said. Pure."""

from collections.abc import Container, Iterable

from pydantic import Field

from lingraft.plan.model import Plan
from lingraft.stage import DATA_PARALLEL, Contract, Manifest

ASSUMED_RATE = 2.7e10
"""FLOPs a second of one CPU core with AVX2, of a whole run (docs/results/paper.md, cpu-smoke)."""


class Estimate(Contract):
    """Time of what trains and is not cached; the rest of a plan has no FLOPs by formula."""

    flops: float = Field(description="Still to compute, by formula.")
    device_seconds: float = Field(description="Seconds of one device, or core without GPUs.")
    rate: float = Field(description="FLOPs in a device-second.")
    measured_by: str = Field(description="What reached that rate; empty where it is assumed.")


def estimate(plan: Plan, cached: Container[str], trained: Iterable[Manifest]) -> Estimate:
    """The time that the stages which are not cached may take.

    Args:
        plan: The plan.
        cached: Names of its stages that are done.
        trained: Manifests of the plan's store, of any stages: the newest that trained gives the
            rate. Its model may have been smaller or larger, and its machine another.
    """
    left = sum(planned.flops for planned in plan.stages if planned.name not in cached)
    measured = [
        one
        for one in trained
        if one.stage.kind in DATA_PARALLEL
        and one.compute.flops > 0
        and one.compute.device_seconds > 0
    ]
    newest = max(measured, key=lambda one: one.created_at, default=None)
    rate, by = ASSUMED_RATE, ""
    if newest is not None:
        rate = newest.compute.flops / newest.compute.device_seconds
        device = newest.environment.get("device", "this store's machine")
        by = f"{newest.stage.kind} on {device}, {newest.created_at[:10]}"
    return Estimate(flops=left, device_seconds=left / rate, rate=rate, measured_by=by)
