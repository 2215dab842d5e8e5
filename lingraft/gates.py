"""Quality gates: whether each task's score is good enough. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.resource import Task
from lingraft.results import scores


@dataclass(frozen=True)
class GateResult:
    """One task's gate. A score that is missing (or no number) has not passed."""

    task: str
    metric: str
    minimum: float
    value: float | None

    @property
    def passed(self) -> bool:
        """Whether the score reaches the minimum."""
        return self.value is not None and self.value >= self.minimum


def gate_results(tasks: Iterable[Task], evaluation: Sequence[Any]) -> list[GateResult]:
    """Judge every gate.

    Args:
        tasks: The spec's tasks.
        evaluation: `evaluation` of the graft stage's metrics.
    """
    found = {(score.task, score.metric): score.mean for score in scores(evaluation)}
    return [
        GateResult(
            task=task.name,
            metric=task.gate.metric,
            minimum=task.gate.min,
            value=found.get((task.name, task.gate.metric)),
        )
        for task in tasks
        if task.gate is not None
    ]
