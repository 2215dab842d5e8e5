"""From a run's plan to one with a learning curve: the same stages, and more evaluations.

A `graft` a snapshot takes the place of the one at the end. All else has the digests that
`lingraft run` and the operator give it, and is shared with them.
"""

from collections.abc import Iterable, Mapping, Sequence

from lingraft import compute
from lingraft.params import EmbedParams, FinetuneParams, GraftParams
from lingraft.plan import Plan, PlannedStage
from lingraft.stage import Manifest, Stage

BYTES_PER_TOKEN = 4
CORE_GFLOPS, GPU_GFLOPS = 25.0, 100_000.0
"""GFLOP/s of a core for small models and of a GPU for large ones, before a training is done."""


def graft_name(step: int) -> str:
    """The name of a snapshot's evaluation in the plan."""
    return f"graft-{step}"


def with_curve(plan: Plan, every: int = 1) -> Plan:
    """A run's plan with its learning curve: snapshots are evaluated by every fine-tuning seed.

    The source language is evaluated at the last alone: it is the same model at each.

    Args:
        plan: The run's, whose `embed` keeps snapshots.
        every: Which of them are evaluated, counted back from the last; the start always is.
    """
    kept = EmbedParams.model_validate(plan["embed"].stage.params).snapshots
    assert kept is not None, "a preset's resources ask for snapshots"
    start, *later = kept
    steps = (start, *later[(len(later) - 1) % every :: every])
    grafts = [_graft(plan["graft"], step, last=step == steps[-1]) for step in steps]
    others = [one for one in plan.stages if one.name != "graft"]
    return plan.model_copy(update={"stages": (*others, *grafts)})


def _graft(graft: PlannedStage, step: int, *, last: bool) -> PlannedStage:
    """The evaluation of one snapshot."""
    inputs = {
        name: ref
        for name, ref in graft.stage.inputs.items()
        if last or not name.startswith("source_test:")
    }
    asked = GraftParams.model_validate(graft.stage.params)
    changed = asked.model_copy(update={"snapshot": step}).to_json()
    stage = Stage(kind="graft", params=changed, inputs=inputs)
    return graft.model_copy(update={"name": graft_name(step), "stage": stage})


def distinct(plans: Iterable[Plan]) -> dict[str, tuple[Plan, PlannedStage]]:
    """Every stage once, by its place in the store: runs share most of theirs."""
    return {one.stage.ref: (plan, one) for plan in plans for one in plan.stages}


def flops_of(plan: Plan, planned: PlannedStage) -> float:
    """What a stage will cost by formula, those that a plan says nothing of estimated.

    Fine-tuning and evaluation read texts whose tokens are counted as a quarter of their bytes.
    """
    bytes_of = {f"source/{one.fingerprint}": one.text_bytes for one in plan.sources}
    shape, stage = plan.shape, planned.stage

    def tokens(names: Sequence[str]) -> float:
        read = sum(bytes_of.get(stage.inputs[name], 0) for name in names)
        return read / BYTES_PER_TOKEN

    if stage.kind == "finetune":
        params = FinetuneParams.model_validate(stage.params)
        read = round(params.epochs * tokens(["train"]))
        return compute.finetune_step(shape, tokens=read, sequence_length=params.max_length)
    if stage.kind == "graft":
        read = 0.0
        for task in GraftParams.model_validate(stage.params).tasks:
            tests = {f"test:{task.name}", f"source_test:{task.name}"} & stage.inputs.keys()
            read += max(1, len(task.seeds)) * tokens(sorted(tests))
        return compute.forward_pass(shape, tokens=round(read), sequence_length=128)
    return planned.flops


def measured_gflops(done: Iterable[Manifest]) -> float | None:
    """GFLOP/s of one device, from the trainings that are done."""
    trained = [one.compute for one in done if one.stage.kind in ("pretrain", "embed", "finetune")]
    seconds = sum(one.device_seconds for one in trained)
    return sum(one.flops for one in trained) / seconds / 1e9 if seconds else None


def cost_lines(
    plans: Sequence[Plan], done: Mapping[str, Manifest], guess: float = CORE_GFLOPS
) -> list[str]:
    """What is still to be spent, kind by kind, before anything is.

    Args:
        plans: Of all runs.
        done: Manifests of the stages that are in the store, by their place there.
        guess: GFLOP/s of a device where no training is done yet.
    """
    todo: dict[str, list[float]] = {}
    stages = distinct(plans)
    for ref, (plan, planned) in stages.items():
        if ref not in done:
            todo.setdefault(planned.stage.kind, []).append(flops_of(plan, planned))
    rate = measured_gflops(done.values()) or guess
    total = sum(sum(costs) for costs in todo.values())
    lines = [f"{len(stages)} stages, {len(stages) - sum(map(len, todo.values()))} of them cached"]
    lines += [f"  {kind}: {len(c)} to run, {sum(c):.2e} FLOPs" for kind, c in todo.items()]
    lines.append(
        f"to spend: {total:.2e} FLOPs by formula, about {total / rate / 1e9:,.0f} device-seconds "
        f"at {rate:,.0f} GFLOP/s a device (reading text, tokenizers and start-up come on top)"
    )
    return lines
