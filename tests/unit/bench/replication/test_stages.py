"""A plan with a learning curve: the run's own stages, and more evaluations."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench.replication.stages import (
    cost_lines,
    distinct,
    flops_of,
    with_curve,
)
from lingraft.params import EmbedParams, GraftParams
from lingraft.plan import Plan
from tests.support.specs import digests, planned, spec_of, task

TASKS = [task(sourceTest="file:///english-test")]


def run_of(method: str = "Standard", count: int = 4, **changes: Any) -> Plan:
    fields = {"tasks": TASKS, "embeddings": {"snapshots": count}} | changes
    return planned(spec_of(method, **fields))


def curve_of(method: str = "Standard", count: int = 4, every: int = 1, **changes: Any) -> Plan:
    return with_curve(run_of(method, count, **changes), every)


def test_only_the_evaluation_differs_from_the_run_itself() -> None:
    plan = run_of("MiniPost")
    before, after = digests(plan), digests(curve_of("MiniPost"))
    same = set(before) - {"graft"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert "graft" not in after


def test_each_snapshot_is_kept_by_embed_and_evaluated_once() -> None:
    curve = curve_of()
    embed = curve["embed"].stage
    steps = EmbedParams.model_validate(embed.params).snapshots
    assert steps is not None and len(steps) == 5
    grafts = [one.stage for one in curve.stages if one.stage.kind == "graft"]
    assert tuple(GraftParams.model_validate(one.params).snapshot for one in grafts) == steps
    assert {one.inputs["embed"] for one in grafts} == {embed.ref}
    english = [one for one in grafts if any(k.startswith("source_test:") for k in one.inputs)]
    assert english == grafts[-1:]


@given(st.integers(2, 9), st.integers(1, 9))
def test_some_snapshots_may_be_evaluated_alone_the_start_and_the_end_always(
    count: int, every: int
) -> None:
    whole, part = curve_of(count=count), curve_of(count=count, every=every)
    assert part["embed"] == whole["embed"]
    of_whole, of_part = (
        [one.name for one in one.stages if one.stage.kind == "graft"] for one in (whole, part)
    )
    assert of_part[0] == of_whole[0] and of_part[1:] == of_whole[:0:-every][::-1]


def test_each_snapshot_is_evaluated_by_every_fine_tuning() -> None:
    stages = curve_of(count=3, seed=1).stages
    grafts = [one.stage for one in stages if one.stage.kind == "graft"]
    assert len(grafts) == 4
    for one in grafts:
        (asked,) = GraftParams.model_validate(one.params).tasks
        read = [name for name in one.inputs if name.startswith("finetune:")]
        assert asked.seeds == (0, 1)
        assert read == [f"finetune:{asked.name}:{number}" for number in asked.seeds]


def test_stages_stand_in_an_order_in_which_they_can_run() -> None:
    done: set[str] = set()
    for one in curve_of("MiniPost", 3).stages:
        needed = {ref for ref in one.stage.inputs.values() if not ref.startswith("source/")}
        assert needed <= done
        done.add(one.stage.ref)


def test_the_cost_counts_a_shared_stage_once_and_a_cached_one_not_at_all() -> None:
    plans = [curve_of(count=3, seed=seed) for seed in (0, 1)]
    stages = distinct(plans)
    assert len(stages) < sum(len(plan.stages) for plan in plans)
    total = sum(flops_of(plan, one) for plan, one in stages.values())
    assert f"{total:.2e} FLOPs by formula" in cost_lines(plans, {})[-1]
    assert all(flops_of(p, s) > 0 for p, s in stages.values() if s.stage.kind != "corpus")
