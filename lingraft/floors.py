"""What a score stands beside, and whether it is better than that: from a graft's metrics. Pure.

Floors are scores that nothing was learned for: always the most frequent test label (majority), and
the fine-tuned source model as it was, reading the new language through its own tokenizer
(untouched). Older manifests have none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.resource.formats import LOSSES

ERRORS = 2
"""Standard errors that a score must be better than its floor."""
LABELS = 8
"""Labels that are counted out to people; the rest is a number."""


@dataclass(frozen=True)
class Standing:
    """One metric of a task with what it must be compared with; None where that is not known.

    Attributes:
        task: Name of the task.
        metric: What was measured.
        value: Mean over seeds, 0 to 1 but for losses.
        stderr: Standard error of that mean.
        untouched: The same of the source model that never saw the language.
        majority: The same of the most frequent test label for all.
        source: The same in the source language.
    """

    task: str
    metric: str
    value: float | None
    stderr: float | None
    untouched: float | None
    majority: float | None
    source: Mapping[str, Any] | None

    @property
    def remark(self) -> str:
        """That it is no better than its floor, in a sentence; empty if it is."""
        floors = {
            "the untouched source model": self.untouched,
            "the most frequent label for all": self.majority,
        }
        known = {name: floor for name, floor in floors.items() if floor is not None}
        if self.value is None or not known:
            return ""
        less = self.metric in LOSSES
        name = (min if less else max)(known, key=lambda one: known[one])
        floor = known[name]
        better = floor - self.value if less else self.value - floor
        if better > ERRORS * (self.stderr or 0.0):
            return ""
        side = "below" if less else "above"
        near = f", less than two standard errors {side} it" if better > 0 else ""
        what = f"{self.task}: {self.metric} {self.value:.3f}"
        return f"{what} is no better than {name} ({floor:.3f}){near}"


def standings(metrics: Mapping[str, Any]) -> list[Standing]:
    """Every score of a graft, in its order."""
    found: list[Standing] = []
    for entry in evaluation_of(metrics):
        source: dict[str, Any] = entry.get("sourceMetrics") or {}
        floors: dict[str, Any] = entry.get("floors") or {}
        for metric, score in entry["metrics"].items():
            floor: dict[str, Any] = floors.get(metric) or {}
            found.append(
                Standing(
                    task=entry["task"],
                    metric=metric,
                    value=score.get("mean"),
                    stderr=score.get("stderr"),
                    untouched=part(floor, "untouched", "mean"),
                    majority=floor.get("majority"),
                    source=source.get(metric),
                )
            )
    return found


def evaluation_of(metrics: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """A graft's tasks; none of another stage's metrics."""
    return metrics.get("evaluation") or []


def part(content: Mapping[str, Any], outer: str, inner: str) -> Any:
    """What stands two levels down; None where one of them is missing or null."""
    found: Mapping[str, Any] = content.get(outer) or {}
    return found.get(inner)


def labels_line(entry: Mapping[str, Any]) -> str:
    """How often each label is right, and how often it was given; empty where that is not known."""
    labels: dict[str, Any] = entry.get("labels") or {}
    known = {
        "right": labels.get("gold"),
        "given": labels.get("predicted"),
        "trained on": labels.get("train"),
    }
    return "; ".join(f"{name}: {_counts(counts)}" for name, counts in known.items() if counts)


def _counts(counts: Mapping[str, float]) -> str:
    often = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{label} {count:g}" for label, count in often[:LABELS]]
    more = len(often) - LABELS
    return ", ".join(shown) + (f" and {more} more labels" if more > 0 else "")


def remarks(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Every sentence that must stand beside a graft's scores."""
    yield from _heldout_remarks(metrics.get("heldout") or {})
    for entry in evaluation_of(metrics):
        for said in (*(entry.get("degenerate") or ()), *(entry.get("warnings") or ())):
            yield f"{entry['task']}: {said}"
    yield from (one.remark for one in standings(metrics) if one.remark)


def _heldout_remarks(heldout: Mapping[str, Any]) -> Iterator[str]:
    bits = heldout.get("bitsPerByte")
    if bits is None:
        return
    for key, name in (("start", "the embeddings' start"), ("untouched", "the untouched base")):
        other: float | None = part(heldout, key, "bitsPerByte")
        if other is not None and bits >= other:
            yield f"held-out text: {bits:.3f} bits per byte are no better than {name} ({other:.3f})"
