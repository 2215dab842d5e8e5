"""How long a plan may take: by a rate that was measured, or that is said to be assumed."""

from typing import Any

from lingraft.plan.estimate import ASSUMED_RATE, estimate
from lingraft.stage import Compute, Manifest, Stage
from tests.support.specs import planned, spec_of

PLAN = planned(spec_of("MiniPost"))


def made(kind: Any, flops: float, seconds: float, day: int) -> Manifest:
    return Manifest(
        stage=Stage(kind=kind, params={}, inputs={}),
        holder="me",
        files=(),
        metrics={},
        compute=Compute(flops=flops, device_seconds=seconds),
        environment={"device": "NVIDIA H100"},
        created_at=f"2026-01-0{day}T00:00:00Z",
    )


def test_the_newest_stage_that_trained_gives_the_rate():
    trained = [made("mini", 1e12, 10, 1), made("embed", 3e15, 10, 2), made("corpus", 0, 99, 3)]
    found = estimate(PLAN, (), [*trained, made("graft", 1.0, 99, 4)])
    assert found.rate == 3e14 and found.measured_by == "embed on NVIDIA H100, 2026-01-02"
    assert found.flops == PLAN["mini"].flops + PLAN["embed"].flops
    assert found.device_seconds == found.flops / 3e14


def test_without_one_the_rate_is_assumed_and_said_so():
    found = estimate(PLAN, (), [made("embed", 0.0, 0.0, 1)])
    assert (found.rate, found.measured_by) == (ASSUMED_RATE, "")


def test_what_is_cached_takes_no_time():
    assert estimate(PLAN, ("mini", "embed"), []).device_seconds == 0
