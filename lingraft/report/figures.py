"""Which charts a run has: quality, the phases of training, cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lingraft.floors import Standing, part
from lingraft.plan import Plan
from lingraft.plan.costs import Costs
from lingraft.report.charts import Bar, Curve, Points, bars, curves
from lingraft.report.html import chart
from lingraft.report.results import number, score
from lingraft.report.verdict import first_scores
from lingraft.stage import Manifest
from lingraft.views.text import flops

PHASES = {
    "pretrain": "The base learns its own language",
    "mini": "Step 1: the mini-model learns to stand for the base",
    "embed": "Step 2: embeddings of the new language are learned through it",
    "finetune": "Step 3: the task is learned, in the source language",
}
"""By the kind of stage, in their order."""
Marks = Sequence[tuple[str, Points]]
"""Named points of a chart."""


def quality(metrics: Mapping[str, Any]) -> Iterator[str]:
    """A chart for each task and one for held-out text, after beside before."""
    for one in first_scores(metrics):
        yield chart(bars(f"{one.task}: {one.metric}", list(_rungs(one))), _caption(one))
    heldout: Mapping[str, Any] = metrics.get("heldout") or {}
    found = {
        "untouched base": part(heldout, "untouched", "bitsPerByte"),
        "new, before training": part(heldout, "start", "bitsPerByte"),
        "new, after": heldout.get("bitsPerByte"),
    }
    rows = [
        Bar(name, [("accent" if name.endswith("after") else "faint", value)], number(value))
        for name, value in found.items()
        if value is not None
    ]
    if rows:
        title = "Held-out text, bits per byte: less is better"
        yield chart(bars(title, rows), title)


def _rungs(one: Standing) -> Iterator[Bar]:
    if one.majority is not None:
        yield Bar("most frequent label", [("faint", one.majority)], number(one.majority))
    if one.untouched is not None:
        yield Bar("before (untouched)", [("faint", one.untouched)], number(one.untouched))
    if one.value is not None:
        label = score({"mean": one.value, "stderr": one.stderr})
        yield Bar("after", [("accent", one.value)], label, one.stderr or 0.0)
    if (top := part({"source": one.source}, "source", "mean")) is not None:
        yield Bar("source language", [("other", top)], score(one.source))


def _caption(one: Standing) -> str:
    return f"{one.task}: {one.metric}, on the new language's test set"


def training(plan: Plan, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """The phases' curves in their order, those of one phase laid over each other."""
    for kind, title in PHASES.items():
        done = {
            name: one
            for name, one in manifests.items()
            if one.stage.kind == kind and len(one.metrics.get("curve") or ()) > 1
        }
        for group, names in _together(kind, done).items():
            runs = [
                Curve(name if len(names) > 1 else "", _points(manifests[name])) for name in names
            ]
            of = f" ({group.removeprefix('finetune-')})" if kind == "finetune" else ""
            marks = _heldout(kind, manifests, runs[0])
            up = "loss, nats" if kind == "finetune" else "loss, nats per token"
            yield chart(
                curves(names[0], runs, marks=marks, up=up), title + of + _shown(kind, marks)
            )


def _shown(kind: str, marks: Marks) -> str:
    """What the line is, and what the points beside it are."""
    if not marks:
        return ""
    line = ". The line is the loss of training text"
    if kind != "embed":
        return f"{line}, the point that of held-out text at the end"
    if len(marks[0][1]) > 2:
        return f"{line}, the points that of held-out text through the full model"
    return (
        f"{line}, the two points that of held-out text through the full model, before and after; "
        "spec.embeddings.snapshots adds some between"
    )


def _together(kind: str, done: Mapping[str, Manifest]) -> dict[str, list[str]]:
    """Names of runs that one chart shows: the seeds of one task, by task."""
    groups: dict[str, list[str]] = {}
    for name in done:
        groups.setdefault(name.rpartition("-")[0] if kind == "finetune" else name, []).append(name)
    return groups


def _points(manifest: Manifest) -> list[tuple[float, float]]:
    return [(point["step"], point["loss"]) for point in manifest.metrics["curve"]]


def _heldout(kind: str, manifests: Mapping[str, Manifest], run: Curve) -> Marks:
    """Losses of held-out text: at the end of a phase, or of step 2 at both ends and between."""
    last = run.points[-1][0]
    if kind in ("pretrain", "mini"):
        manifest = next(one for one in manifests.values() if one.stage.kind == kind)
        reached = manifest.metrics.get("heldoutLoss")
        return [("held-out text", [(last, reached)])] if reached is not None else []
    graft = manifests.get("graft")
    heldout: Mapping[str, Any] = (graft.metrics.get("heldout") if graft else None) or {}
    for key in ("maskedLmLoss", "causalLmLoss"):
        before, after = part(heldout, "start", key), heldout.get(key)
        if kind == "embed" and before is not None and after is not None:
            between = [(one["step"], one[key]) for one in heldout.get("between", ())]
            return [("held-out text, full model", [(0, before), *between, (last, after)])]
    return []


def spending(costs: Costs, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """FLOPs beside Standard's, and the seconds that every stage took."""
    rows = [Bar("Standard", [("faint", costs.step2_standard)], flops(costs.step2_standard))]
    if costs.method != "Standard":
        label = flops(costs.total)
        parts = [("accent", costs.step2), ("other", costs.once)]
        rows.insert(0, Bar(f"this: {costs.method}", parts, label))
    once = f"; the second colour is spent once for the base ({costs.once_for})"
    yield chart(
        bars("FLOPs of learning the language", rows),
        f"FLOPs of learning the language, by formula{once if costs.once else ''}",
    )
    seconds = {name: one.compute.device_seconds for name, one in manifests.items()}
    longest = sorted(seconds, key=lambda name: -seconds[name])[:8]
    shown = [name for name in seconds if name in longest]
    yield chart(
        bars(
            "seconds of each stage",
            [Bar(name, [("accent", seconds[name])], f"{seconds[name]:,.0f} s") for name in shown],
        ),
        "Device-seconds of each stage, measured: of GPUs, or of cores without GPUs",
    )
