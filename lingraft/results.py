"""Reading the metrics of manifests, which other versions may have written: gaps are no errors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from lingraft.stage import Manifest


@dataclass(frozen=True)
class Score:
    """One metric of one task, in the target language and, where it was asked for, the source's."""

    task: str
    metric: str
    mean: float
    stderr: float | None
    source: float | None
    examples: int | None


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: object) -> list[Any]:
    """A JSON list, or an empty one."""
    return cast("list[Any]", list(value)) if isinstance(value, list | tuple) else []  # pyright: ignore[reportUnknownArgumentType]


def scores(evaluation: object) -> list[Score]:
    """Every score in `evaluation` of the graft stage's metrics."""
    found: list[Score] = []
    for one in map(mapping, sequence(evaluation)):
        source = mapping(one.get("sourceMetrics"))
        examples = number(one.get("examples"))
        for metric, value in mapping(one.get("metrics")).items():
            mean = _mean(value)
            if mean is not None:
                found.append(
                    Score(
                        task=str(one.get("task", "?")),
                        metric=metric,
                        mean=mean,
                        stderr=number(mapping(value).get("stderr")),
                        source=_mean(source.get(metric)),
                        examples=None if examples is None else int(examples),
                    )
                )
    return found


def _mean(value: object) -> float | None:
    return number(mapping(value).get("mean")) if isinstance(value, Mapping) else number(value)


def graft_metrics(manifests: Mapping[str, Manifest]) -> Mapping[str, Any]:
    """The graft stage's metrics; empty while it is not done."""
    found = (m.metrics for m in manifests.values() if m.stage.kind == "graft")
    return next(found, {})


def curve(metrics: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The (step, loss) pairs of a training stage."""
    points = ((number(p.get("step")), number(p.get("loss"))) for p in map(mapping, sequence(metrics.get("curve"))))
    return [(step, loss) for step, loss in points if step is not None and loss is not None]
