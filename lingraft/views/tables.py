"""The tables that `plan`, `run` and `report` print, and the same as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.results import graft_metrics, mapping, number, scores
from lingraft.stage import Manifest
from lingraft.views.wording import duration, flops, score

SAVED = "compute saved per step against Standard"


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return table


def plan_json(plan: Plan, cached: set[str]) -> dict[str, Any]:
    """A plan as `lingraft plan --json` prints it."""
    stages = [
        {
            "name": one.name,
            "kind": one.stage.kind,
            "digest": one.stage.digest,
            "needs": list(one.needs),
            "cached": one.name in cached,
            "steps": one.steps,
            "flops": one.flops,
        }
        for one in plan.stages
    ]
    return {
        "stages": stages,
        "store": plan.store,
        "totalFlops": sum(one.flops for one in plan.stages),
        "remainingFlops": sum(one.flops for one in plan.stages if one.name not in cached),
        "embedFlops": plan["embed"].flops,
        "standardFlops": plan.embed_flops_standard,
        "savedPerStep": plan.saved_per_step,
        "computed": ["totalFlops", "embedFlops", "standardFlops", "savedPerStep"],
    }


def print_plan(console: Console, plan: Plan, cached: set[str]) -> None:
    """A plan for people."""
    table = _table("stage", "kind", "digest", "cached", "steps", "FLOPs", right=("steps", "FLOPs"))
    for one in plan.stages:
        mark = "yes" if one.name in cached else "no"
        steps = f"{one.steps:,}" if one.steps else "-"
        digest = one.stage.digest[:12]
        table.add_row(one.name, one.stage.kind, digest, mark, steps, flops(one.flops))
    console.print(table)
    found = plan_json(plan, cached)
    total, rest = found["totalFlops"], found["remainingFlops"]
    lines = [
        "",
        f"total: {total:.2e} FLOPs by formula, {rest:.2e} of them still to do "
        "(fine-tuning is known only when its data is read)",
        f"{SAVED}: {plan.saved_per_step:.2f}x ({plan['embed'].flops:.2e} instead of "
        f"{plan.embed_flops_standard:.2e} FLOPs)",
        "computed by formula; not a measured speed-up",
    ]
    console.print(Text("\n".join(lines)))


def artifact_uri(plan: Plan, manifests: Mapping[str, Manifest]) -> str | None:
    """Where the graft stage's files are; None while they are not."""
    graft = next((m for m in manifests.values() if m.stage.kind == "graft"), None)
    if graft is None:
        return None
    return f"{plan.store.rstrip('/')}/{graft.stage.ref}/{graft.holder}/files/"


def result_json(
    plan: Plan, manifests: Mapping[str, Manifest], gates: Sequence[GateResult]
) -> dict[str, Any]:
    """The result as the last event of `lingraft run --json`."""
    metrics = graft_metrics(manifests)
    return {
        "done": [name for name in (s.name for s in plan.stages) if name in manifests],
        "evaluation": metrics.get("evaluation", []),
        "heldout": metrics.get("heldout"),
        "compute": metrics.get("compute", {"savedPerStep": plan.saved_per_step}),
        "gates": [
            {
                "task": g.task,
                "metric": g.metric,
                "min": g.minimum,
                "value": g.value,
                "passed": g.passed,
            }
            for g in gates
        ],
        "artifact": artifact_uri(plan, manifests),
    }


def print_result(
    console: Console, plan: Plan, manifests: Mapping[str, Manifest], gates: Sequence[GateResult]
) -> None:
    """The result for people: quality, gates, cost, where it is."""
    metrics = graft_metrics(manifests)
    by_score = {(g.task, g.metric): g for g in gates}
    found = scores(metrics.get("evaluation"))
    if found:
        table = _table("task", "metric", "score", "source language", "gate")
        for one in found:
            gate = by_score.pop((one.task, one.metric), None)
            source = "-" if one.source is None else score(one.source, None)
            table.add_row(
                one.task, one.metric, score(one.mean, one.stderr), source, _gate_text(gate)
            )
        for gate in by_score.values():
            table.add_row(gate.task, gate.metric, "-", "-", _gate_text(gate))
        console.print(table)
    lines = [f"held-out {name}: {value:.4g}" for name, value in heldout_scores(metrics)]
    lines += cost_lines(plan, metrics)
    uri = artifact_uri(plan, manifests)
    if uri is None:
        names = ", ".join(s.name for s in plan.stages if s.name not in manifests)
        lines.append(f"not done yet: {names}")
    else:
        lines.append(f"artifact: {uri}")
    # One long line each: a URI that rich wraps cannot be copied.
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _gate_text(gate: GateResult | None) -> Text:
    if gate is None:
        return Text("-", style="dim")
    if gate.passed:
        return Text(f"passed (at least {gate.minimum:g})", style="green")
    reason = "" if gate.value is not None else ", no such score"
    return Text(f"FAILED (at least {gate.minimum:g}{reason})", style="bold red")


HELDOUT_NAMES = {"bitsPerByte": "bits per byte", "maskedLmLoss": "masked-LM loss"}


def heldout_scores(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The scores that need no labels, by a name for people."""
    pairs = [(k, number(v)) for k, v in mapping(metrics.get("heldout")).items()]
    return [(HELDOUT_NAMES.get(k, k), value) for k, value in pairs if value is not None]


def cost_lines(plan: Plan, metrics: Mapping[str, Any]) -> list[str]:
    """Compute saved (computed) and seconds (measured), each named as what it is."""
    compute = mapping(metrics.get("compute"))
    saved = number(compute.get("savedPerStep")) or plan.saved_per_step
    lines = [f"{SAVED}: {saved:.2f}x (computed by formula, not a measured speed-up)"]
    seconds = number(compute.get("measuredSeconds"))
    if seconds is not None:
        lines.append(f"learning the embeddings took {duration(seconds)} (measured)")
    return lines
