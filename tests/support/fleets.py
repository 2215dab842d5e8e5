"""Many resources as `kubectl get la -A -o json` prints them."""

from typing import Any

from tests.support.finished import HOSTILE

PHASES = ("Ready", "Running", "Stalled", "Pending", "Suspended")


def resource(
    name: str = "french", language: str = "fr", namespace: str = "models", **status: Any
) -> dict[str, Any]:
    """One resource with a status."""
    return {
        "apiVersion": "lingraft.dev/v1alpha1",
        "kind": "LanguageAdaptation",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"language": language},
        "status": {"phase": "Ready", "progress": "done"} | status,
    }


def evaluated(task: str = "genre", value: Any = 0.612, **changes: Any) -> dict[str, Any]:
    """A task's score in a status."""
    return {
        "task": task,
        "metric": "accuracy",
        "value": value,
        "stderr": 0.03,
        "untouched": 0.31,
        "majority": 0.25,
    } | changes


def whole_status() -> dict[str, Any]:
    """Everything that a fleet shows."""
    return {
        "evaluation": [
            evaluated(),
            evaluated(metric="macroF1", value=0.6, gate=0.5, passed=True),
            evaluated("xnli", 0.4, gate=0.45, passed=False),
        ],
        "heldout": {
            "bitsPerByte": 1.17,
            "untouched": 2.75,
            "tokensPerWord": 1.5,
            "tokensPerWordUntouched": 2.3,
        },
        "compute": {"savedPerStep": "1.98x", "deviceSeconds": 7200.0},
        "budget": {"spent": {"deviceHours": 1.5, "cost": [{"amount": 12.5, "currency": "EUR"}]}},
        "published": {
            "uri": "s3://public/fr/",
            "version": "0123456789ab",
            "as": "pack",
            "since": "2026-01-02T03:04:05Z",
        },
    }


def fleet(count: int = 40) -> dict[str, Any]:
    """A list of ordinary resources, and one whose tenant is hostile."""
    ordinary = [
        resource(
            f"language-{i}",
            f"x{chr(97 + i % 26)}",
            **whole_status() | {"phase": PHASES[i % len(PHASES)], "progress": f"{i} of 40"},
        )
        for i in range(count)
    ]
    hostile = resource(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        progress=HOSTILE,
        evaluation=[evaluated(HOSTILE, metric=HOSTILE)],
        published={"uri": HOSTILE, "version": HOSTILE, "as": HOSTILE},
        budget={"spent": {"cost": [{"amount": 1, "currency": HOSTILE}]}},
    )
    return {"kind": "List", "items": [*ordinary, hostile]}
