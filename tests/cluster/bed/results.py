"""Plausible results of stages that were never computed: functions of the stage alone."""

from typing import Any

from lingraft.params import FinetuneParams, GraftParams, GraftTask
from lingraft.resource.tasks import metrics_of
from lingraft.stage import Compute, Result, Stage

STEPS = 100
COMPUTE = Compute(flops=1e15, tokens=1_000_000, seconds=100.0, device_seconds=400.0)


def result_of(stage: Stage) -> Result:
    """What the real stage would put in its manifest, with figures that depend on its digest."""
    chance = int(stage.digest[:8], 16) / 0xFFFFFFFF
    metrics = {
        "pretrain": lambda: _trained(chance) | {"heldoutLoss": 2.0, "heldoutLossMiddle": 2.4},
        "mini": lambda: _mini(stage, chance),
        "corpus": lambda: _corpus(stage),
        "embed": lambda: (
            _trained(chance) | {"layers": 4, "rowsFromSource": 0, "vocabulary": 50_000}
        ),
        "finetune": lambda: _finetuned(stage, chance),
        "graft": lambda: _grafted(stage, chance),
        "publish": lambda: {"published": True, "uri": stage.params["uri"], "as": "pack"},
    }[stage.kind]()
    return Result(metrics=metrics, compute=COMPUTE)


def _trained(chance: float) -> dict[str, Any]:
    curve = [{"step": step, "loss": 8.0 - step / 20 + chance} for step in range(0, STEPS + 1, 10)]
    return {"finalLoss": curve[-1]["loss"], "maskedTokens": 150_000, "curve": curve}


def _mini(stage: Stage, chance: float) -> dict[str, Any]:
    layers = {"layers": stage.params["layers"]}
    if stage.params["method"] == "MiniJoint":
        return layers
    new = {"newLayers": stage.params["newLayers"], "heldoutLoss": 2.5}
    return layers | new | _trained(chance)


def _corpus(stage: Stage) -> dict[str, Any]:
    vocabulary = stage.params["tokenizer"].get("vocabSize") or 50_000
    report = {
        "vocabulary": vocabulary,
        "sampleParagraphs": 1000,
        "unknownRate": 0.0001,
        "piecesPerWord": 1.4,
        "charactersPerPiece": 4.1,
        "truncatedShare": 0.01,
        "sequenceLength": stage.params["sequenceLength"],
        "sharedWithBase": 0.2,
    }
    counts = {"files": 1, "documents": 1000, "paragraphs": 5000, "duplicates": 10}
    sizes = {"rows": 2000, "tokens": 1_000_000, "bytes": 4_000_000}
    heldout = {"heldoutRows": 20, "heldoutTokens": 10_000}
    return (
        counts
        | sizes
        | heldout
        | {"vocabulary": vocabulary, "tokenizerSampleEvery": 1, "tokenizer": report, "warnings": []}
    )


def _finetuned(stage: Stage, chance: float) -> dict[str, Any]:
    params = FinetuneParams.model_validate(stage.params)
    return {
        "dev": {metric: 0.8 + 0.1 * chance for metric in metrics_of(params.format)},
        "bestEpoch": params.epochs,
        "labels": ["a", "b"],
        "examples": 1000,
        "finalLoss": 0.4,
        "curve": _trained(chance)["curve"],
    }


def _grafted(stage: Stage, chance: float) -> dict[str, Any]:
    params = GraftParams.model_validate(stage.params)
    return {
        "heldout": {"maskedLmLoss": 2.2, "bitsPerByte": 0.8 + 0.1 * chance},
        "tokensPerWord": {"untouched": 2.3, "grafted": 1.5},
        "evaluation": [_evaluated(task, 0.6 + 0.1 * chance) for task in params.tasks],
        "compute": {
            "embedFlops": 1e15,
            "standardFlops": 2.5e15,
            "savedPerStep": 2.5,
            "oneTimeFlops": 1e14,
            "measuredSeconds": 100.0,
            "measuredDeviceSeconds": 400.0,
            "measured": ["measuredSeconds", "measuredDeviceSeconds"],
            "computed": ["embedFlops", "standardFlops", "savedPerStep", "oneTimeFlops"],
        },
    }


def _evaluated(task: GraftTask, score: float) -> dict[str, Any]:
    seeds = max(1, len(task.seeds))
    one = {"mean": score, "perSeed": [score] * seeds, "stderr": 0.01}
    return {
        "task": task.name,
        "format": task.format,
        "examples": 500,
        "metrics": {metric: one for metric in metrics_of(task.format)},
        "sourceMetrics": None,
    }
