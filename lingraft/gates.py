"""Quality gates: whether the scores reach what the resource asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.resource.tasks import Task


@dataclass(frozen=True)
class GateResult:
    """One task's gate and what came out.

    Attributes:
        task: Name of the task.
        metric: What is measured.
        minimum: Least value that passes.
        value: The score; None where it was not computed.
        degenerate: What is wrong with the model that scored, a sentence each: its score is none.
    """

    task: str
    metric: str
    minimum: float
    value: float | None
    degenerate: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether a score that is one reaches the minimum."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why the gate is not passed, in a sentence; empty if it is."""
        if self.degenerate:
            return "; ".join(self.degenerate)
        if self.value is None:
            return "not computed"
        # NaN compares with nothing, so it reaches nothing either.
        return "" if self.value >= self.minimum else f"{self.value:.3f} < {self.minimum:.3f}"


def gate_results(tasks: Sequence[Task], evaluation: Sequence[dict[str, Any]]) -> list[GateResult]:
    """Judge every gate by the `graft` stage's evaluation."""
    gates = [(task.name, task.gate.metric, task.gate.min) for task in tasks if task.gate]
    return judged(gates, evaluation)


def judged(
    gates: Sequence[tuple[str, str, float]], evaluation: Sequence[dict[str, Any]]
) -> list[GateResult]:
    """Judge gates, given as (task, metric, least value), by the `graft` stage's evaluation."""
    entries = {one["task"]: one for one in evaluation}
    results: list[GateResult] = []
    for task, metric, least in gates:
        entry = entries.get(task, {})
        score = entry.get("metrics", {}).get(metric, {})
        wrong = tuple(entry.get("degenerate") or ())
        results.append(GateResult(task, metric, least, score.get("mean"), wrong))
    return results
