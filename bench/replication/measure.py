"""From manifests and predictions to learning curves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.replication.analysis import Array
from bench.replication.preset import Run
from bench.replication.stages import graft_name, paired
from lingraft import compute
from lingraft.architecture import Shape
from lingraft.params import PretrainParams
from lingraft.plan import Plan
from lingraft.stage import Manifest
from lingraft.store import open_store


@dataclass(frozen=True)
class Measured:
    """One run's curve: S snapshots, F fine-tuning seeds, N examples a task.

    Attributes:
        run: What was run.
        steps: Updates of step 2 at each snapshot, [S].
        flops: By formula, the run's own times the share of its updates, [S].
        seconds: Device-seconds: processor time on a CPU, wall clock on a GPU, [S].
        bits: Held-out masked-LM bits per byte through the full model, [S]; no labels in it.
        correct: Task to [S, N], by the fine-tuning seed that goes with the run's.
        final: Task to [F, N], by every fine-tuning seed after the last update.
        unlabelled: Retrieval task to centred top-1 accuracy, [S].
        source: Task to English score of the same models.
        once: FLOPs of step 1b, or of pretraining's second head.
        manifests: By the plan's names.
    """

    run: Run
    steps: list[int]
    flops: Array
    seconds: Array
    bits: Array
    correct: dict[str, Array]
    final: dict[str, Array]
    unlabelled: dict[str, Array]
    source: dict[str, float]
    once: float
    manifests: Mapping[str, Manifest] = field(repr=False)


def measure(run: Run, plan: Plan, manifests: Mapping[str, Manifest]) -> Measured:
    """Read what a finished run left in its store."""
    embed = manifests["embed"]
    taken: list[dict[str, float]] = embed.metrics["snapshots"]
    steps = [int(one["step"]) for one in taken]
    grafts = [manifests[graft_name(step)] for step in steps]
    evaluations: list[dict[str, dict[str, Any]]] = [
        {found["task"]: found for found in one.metrics["evaluation"]} for one in grafts
    ]
    tuned = [task for task in run.resource.spec.tasks if task.format != "retrieval"]
    share = np.array(steps) / steps[-1]
    heldout = [(one.metrics["heldout"] or {}).get("bitsPerByte", np.nan) for one in grafts]
    final = evaluations[-1]
    return Measured(
        run=run,
        steps=steps,
        flops=embed.compute.flops * share,
        seconds=_seconds(embed, taken),
        bits=np.array(heldout),
        correct={
            task.name: np.array(
                [
                    _correct(plan, one, task.name, paired(range(task.seeds), run.seed))
                    for one in grafts
                ]
            )
            for task in tuned
        },
        final={
            task.name: np.array(
                [_correct(plan, grafts[-1], task.name, seed) for seed in range(task.seeds)]
            )
            for task in tuned
        },
        unlabelled={
            task.name: np.array(
                [one[task.name]["metrics"]["accuracyCentred"]["mean"] for one in evaluations]
            )
            for task in run.resource.spec.tasks
            if task.format == "retrieval"
        },
        source={
            task.name: final[task.name]["sourceMetrics"]["accuracy"]["mean"]
            for task in tuned
            if final[task.name]["sourceMetrics"]
        },
        once=one_time_flops(run, plan.shape, manifests),
        manifests=manifests,
    )


def one_time_flops(run: Run, shape: Shape, manifests: Mapping[str, Manifest]) -> float:
    """What the mini-model costs once per base, over a plain base."""
    method = run.resource.spec.method
    if method == "MiniPost":
        return manifests["mini"].compute.flops
    pretrain = manifests.get("pretrain")
    if method != "MiniJoint" or pretrain is None:
        return 0.0
    training = PretrainParams.model_validate(pretrain.stage.params).training
    tokens = training.batch_rows * training.sequence_length
    one, two = (
        compute.pretrain_step(
            shape,
            heads=heads,
            tokens=tokens,
            masked=tokens * training.mask_probability,
            sequence_length=training.sequence_length,
        )
        for heads in (1, 2)
    )
    return (two - one) * training.steps


def _seconds(embed: Manifest, taken: Sequence[dict[str, float]]) -> Array:
    processor = str(embed.environment.get("device", ""))
    cpu = np.array([one["cpuSeconds"] for one in taken])
    if "NVIDIA" not in processor:
        return cpu
    curve = embed.metrics["curve"]
    steps, seconds = ([0.0, *(p[key] for p in curve)] for key in ("step", "seconds"))
    return np.interp([one["step"] for one in taken], steps, seconds)


def _correct(plan: Plan, graft: Manifest, task: str, seed: int) -> list[float]:
    """[N]: whether each prediction is right."""
    key = f"{graft.stage.ref}/{graft.holder}/files/predictions/{task}-{seed}.jsonl"
    found = open_store(plan.store).get(key)
    assert found is not None, f"no {key} in the store"
    lines = [json.loads(line) for line in found[0].decode().splitlines()]
    return [float(one["label"] == one["prediction"]) for one in lines]
