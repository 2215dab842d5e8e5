"""A run with everything that a report shows, as if it were done; names may be hostile."""

import math
from typing import Any

from lingraft.plan import Plan
from lingraft.stage import Compute, Manifest
from tests.support.specs import planned, spec_of, task

HOSTILE = "<script>document.title='robbed'</script>\"'&$x$<img src=http://x.invalid/a>"
MINI = {"text": {"uri": "file:///english"}, "steps": 10_000}


def finished_plan(name: str = "genre") -> Plan:
    """A MiniPost plan with a task of two seeds."""
    return planned(spec_of("MiniPost", language="fr", mini=MINI, tasks=[task(name)]))


def manifest_of(plan: Plan, name: str, metrics: dict[str, Any]) -> Manifest:
    """A stage's manifest, with these figures."""
    return Manifest(
        stage=plan[name].stage,
        holder="me",
        files=(),
        metrics=metrics,
        compute=Compute(device_seconds=12.0),
        environment={"device": "CPU <fast>", "precision": "bf16"},
        created_at="2026-01-01T00:00:00Z",
    )


def loss_curve(first: float, last: float) -> list[dict[str, float]]:
    """A loss that falls, and trembles."""
    return [
        {"step": step, "loss": last + (first - last) * math.exp(-step / 60) + (step % 7) / 50}
        for step in range(2, 402, 2)
    ]


def graft_metrics(plan: Plan, label: str = "law") -> dict[str, Any]:
    """What a graft measured that went well."""
    task_name = plan["graft"].stage.params["tasks"][0]["name"]
    labels = [label, "poetry", "history"]
    confusion = {
        right: {given: 9.0 if right == given else 1.5 for given in labels} for right in labels
    }
    scores = {"mean": 0.612, "stderr": 0.03, "perSeed": [0.61, 0.614]}
    floor = {"majority": 0.25, "untouched": {"mean": 0.31, "perSeed": [0.31]}}
    return {
        "evaluation": [
            {
                "task": task_name,
                "metrics": {"accuracy": scores, "macroF1": scores},
                "sourceMetrics": {"accuracy": {"mean": 0.73, "stderr": 0.03}},
                "floors": {"accuracy": floor, "macroF1": floor},
                "labels": {
                    "gold": dict.fromkeys(labels, 12),
                    "predicted": dict.fromkeys(labels, 12),
                    "confusion": confusion,
                },
            }
        ],
        "heldout": {
            "bitsPerByte": 1.17,
            "maskedLmLoss": 2.9,
            "bytes": 75_610,
            "start": {"bitsPerByte": 3.25, "maskedLmLoss": 6.1},
            "untouched": {"bitsPerByte": 2.75},
        },
        "sentences": [
            {
                "text": f"Au commencement, {label} créa les cieux et la terre.",
                "untouchedPieces": ["A", "u", " com", "men", "ce", "ment", f", {label}", " cré"],
                "graftedPieces": ["Au", " commencement", ",", f" {label}", " créa", ""],
                "hidden": [3, 15],
                "untouchedGuesses": [["the", 0.21], [label, 0.04]],
                "graftedGuesses": [["commencement", 0.61], ["jour", 0.1]],
            }
        ]
        * 2,
    }


def finished_run(name: str = "genre", label: str = "law") -> tuple[Plan, dict[str, Manifest]]:
    """A plan and the manifests of all its stages."""
    plan = finished_plan(name)
    tokenizer = {
        "vocabulary": 4096,
        "piecesPerWord": 1.52,
        "unknownRate": 0.0,
        "byteRate": 0.041,
        "writesAnything": True,
        "sharedWithBase": 0.03,
    }
    curve = loss_curve(7.0, 3.2)
    metrics: dict[str, dict[str, Any]] = {
        "corpus": {"tokenizer": tokenizer, "warnings": [f"{label} is odd"]},
        "mini": {"curve": curve, "heldoutLoss": 3.3},
        "embed": {"curve": curve},
        "graft": graft_metrics(plan, label),
    }
    for planned_stage in plan.stages:
        if planned_stage.stage.kind == "finetune":
            metrics[planned_stage.name] = {"curve": loss_curve(1.7, 0.4)}
    return plan, {
        one.name: manifest_of(plan, one.name, metrics.get(one.name, {})) for one in plan.stages
    }
