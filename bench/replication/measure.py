"""From manifests and predictions to learning curves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.replication.bootstrap import Array
from bench.replication.preset import Run
from bench.replication.stages import graft_name
from lingraft.architecture import Shape
from lingraft.params import PretrainParams
from lingraft.plan import Plan
from lingraft.plan.costs import second_head
from lingraft.resource.formats import FORMATS
from lingraft.stage import Manifest
from lingraft.store import open_store

METRIC = {"qa": "f1"}
"""What a task is scored by, where it is not accuracy."""


@dataclass(frozen=True)
class Measured:
    """One run's curve: S snapshots evaluated, F fine-tuning seeds, N examples a task.

    Attributes:
        run: What was run.
        steps: Updates of step 2 at each snapshot, [S].
        flops: By formula, the run's own times the share of its updates, [S].
        seconds: Device-seconds: processor time on a CPU, wall clock on a GPU, [S].
        bits: Held-out masked-LM bits per byte through the full model, [S]; no labels in it.
        scores: Task to each example's score, [S, F, N]: 0 or 1, or an answer's F1.
        unlabelled: Retrieval task to centred top-1 accuracy, [S].
        source: Task to English score of the same models.
        once: FLOPs of pretraining's second head, and of step 1b.
        plan: With the texts and tests that were read.
        manifests: By the plan's names.
    """

    run: Run
    steps: list[int]
    flops: Array
    seconds: Array
    bits: Array
    scores: dict[str, Array]
    unlabelled: dict[str, Array]
    source: dict[str, float]
    once: float
    plan: Plan = field(repr=False)
    manifests: Mapping[str, Manifest] = field(repr=False)


def measure(run: Run, plan: Plan, manifests: Mapping[str, Manifest]) -> Measured:
    """Read what a finished run left in its store."""
    embed = manifests["embed"]
    kept: list[dict[str, float]] = embed.metrics["snapshots"]
    taken = [one for one in kept if graft_name(int(one["step"])) in manifests]
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
        scores={
            task.name: np.array(
                [
                    [_scores(plan, one, task.name, seed) for seed in range(task.seeds)]
                    for one in grafts
                ]
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
            task.name: its[METRIC.get(FORMATS[task.format].kind, "accuracy")]["mean"]
            for task in tuned
            if (its := final[task.name]["sourceMetrics"])
        },
        once=one_time_flops(plan.shape, manifests),
        plan=plan,
        manifests=manifests,
    )


def one_time_flops(shape: Shape, manifests: Mapping[str, Manifest]) -> float:
    """What is spent once per base, over a plain base: its second head, or step 1b.

    MiniPost has no use for a second head, even where the base has one for other arms.
    """
    mini = manifests.get("mini")
    if mini is not None and mini.stage.params["method"] == "MiniPost":
        return mini.compute.flops
    pretrain = manifests.get("pretrain")
    params = PretrainParams.model_validate(pretrain.stage.params) if pretrain else None
    if params is None or params.joint_layers is None:
        return 0.0
    return second_head(shape, params.training)


def _seconds(embed: Manifest, taken: Sequence[dict[str, float]]) -> Array:
    processor = str(embed.environment.get("device", ""))
    cpu = np.array([one["cpuSeconds"] for one in taken])
    if "NVIDIA" not in processor:
        return cpu
    curve = embed.metrics["curve"]
    steps, seconds = ([0.0, *(p[key] for p in curve)] for key in ("step", "seconds"))
    return np.interp([one["step"] for one in taken], steps, seconds)


def _scores(plan: Plan, graft: Manifest, task: str, seed: int) -> list[float]:
    """[N]: whether each prediction is right, or how much of an answer is (F1)."""
    key = f"{graft.stage.ref}/{graft.holder}/files/predictions/{task}-{seed}.jsonl"
    found = open_store(plan.store).get(key, most=1 << 30)
    assert found is not None, f"no {key} in the store"
    # Bytes: a text's own line separators (U+2028) end no line of a file.
    lines = [json.loads(line) for line in found[0].splitlines()]
    return [float(o["f1"] if "f1" in o else o["label"] == o["prediction"]) for o in lines]
