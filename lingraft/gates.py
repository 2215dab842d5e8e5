"""Quality gates: whether the scores reach what the resource asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.resource.tasks import Task


@dataclass(frozen=True)
class GateResult:
    """One task's gate and what came out."""

    task: str
    metric: str
    minimum: float
    value: float | None

    @property
    def passed(self) -> bool:
        """Whether the score reaches the minimum; a metric that was not computed fails."""
        return self.value is not None and self.value >= self.minimum


def gate_results(tasks: Sequence[Task], evaluation: Sequence[dict[str, Any]]) -> list[GateResult]:
    """Judge every gate by the `graft` stage's evaluation."""
    scores = {one["task"]: one["metrics"] for one in evaluation}
    return [
        GateResult(
            task.name,
            task.gate.metric,
            task.gate.min,
            scores.get(task.name, {}).get(task.gate.metric, {}).get("mean"),
        )
        for task in tasks
        if task.gate is not None
    ]
