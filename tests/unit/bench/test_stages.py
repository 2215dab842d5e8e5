"""A plan with a learning curve: the run's own stages, and more evaluations."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replication.stages import (
    cost_lines,
    distinct,
    flops_of,
    for_search,
    log_spaced,
    with_snapshots,
)
from lingraft.params import EmbedParams, GraftParams
from tests.support.specs import digests, planned, spec_of, task

TASKS = [task(sourceTest="file:///english-test")]


@settings(deadline=None)
@given(st.integers(1, 200_000), st.integers(2, 20))
def test_snapshots_rise_to_the_end(steps: int, count: int) -> None:
    found = log_spaced(steps, count)
    assert found[0] == 0 and found[-1] == steps
    assert list(found) == sorted(set(found))


def test_only_embed_and_graft_differ_from_the_run_itself() -> None:
    plan = planned(spec_of("MiniPost", tasks=TASKS))
    curve = with_snapshots(plan, 4)
    before, after = digests(plan), digests(curve)
    same = set(before) - {"embed", "graft"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["embed"] != before["embed"] and "graft" not in after


def test_each_snapshot_is_kept_by_embed_and_evaluated_once() -> None:
    curve = with_snapshots(planned(spec_of(tasks=TASKS)), 4)
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
    plan = planned(spec_of(tasks=TASKS))
    whole, part = with_snapshots(plan, count), with_snapshots(plan, count, every)
    assert part["embed"] == whole["embed"]
    of_whole, of_part = (
        [one.name for one in one.stages if one.stage.kind == "graft"] for one in (whole, part)
    )
    assert of_part[0] == of_whole[0] and of_part[1:] == of_whole[:0:-every][::-1]


def test_each_snapshot_is_evaluated_by_every_fine_tuning() -> None:
    spec = spec_of(seed=1, tasks=[task(seeds=2, sourceTest="file:///english-test")])
    grafts = [s.stage for s in with_snapshots(planned(spec), 3).stages if s.stage.kind == "graft"]
    assert len(grafts) == 4
    for one in grafts:
        (asked,) = GraftParams.model_validate(one.params).tasks
        read = [name for name in one.inputs if name.startswith("finetune:")]
        assert asked.seeds == (0, 1)
        assert read == [f"finetune:{asked.name}:{number}" for number in asked.seeds]


def test_a_search_trains_the_runs_own_step_2_and_evaluates_no_task() -> None:
    plan = planned(spec_of("MiniPost", tasks=TASKS))
    search = for_search(plan, 4)
    assert search["embed"].stage == with_snapshots(plan, 4)["embed"].stage
    assert set(search["graft"].stage.inputs) == {"base", "corpus", "embed"}
    assert GraftParams.model_validate(search["graft"].stage.params).tasks == ()
    assert not any(one.stage.kind == "finetune" for one in search.stages)


def test_stages_stand_in_an_order_in_which_they_can_run() -> None:
    done: set[str] = set()
    for one in with_snapshots(planned(spec_of("MiniPost", tasks=TASKS)), 3).stages:
        needed = {ref for ref in one.stage.inputs.values() if not ref.startswith("source/")}
        assert needed <= done
        done.add(one.stage.ref)


def test_the_cost_counts_a_shared_stage_once_and_a_cached_one_not_at_all() -> None:
    plans = [with_snapshots(planned(spec_of(seed=seed, tasks=TASKS)), 3) for seed in (0, 1)]
    stages = distinct(plans)
    assert len(stages) < sum(len(plan.stages) for plan in plans)
    total = sum(flops_of(plan, one) for plan, one in stages.values())
    assert f"{total:.2e} FLOPs by formula" in cost_lines(plans, {})[-1]
    assert all(flops_of(p, s) > 0 for p, s in stages.values() if s.stage.kind != "corpus")
