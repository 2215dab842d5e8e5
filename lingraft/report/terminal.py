"""Plans and results as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.report.results import facts, gate_line, score_rows
from lingraft.stage import Manifest
from lingraft.views.text import flops


def plan_lines(plan: Plan, done: Mapping[str, Manifest]) -> Iterator[str]:
    """The stages with their cost, and what is saved against Standard."""
    yield from aligned(
        ("STAGE", "KIND", "DIGEST", "CACHED", "STEPS", "FLOPS"),
        [
            (
                planned.name,
                planned.stage.kind,
                planned.stage.digest[:12],
                "yes" if planned.name in done else "no",
                str(planned.steps or "-"),
                flops(planned.flops),
            )
            for planned in plan.stages
        ],
    )
    left = sum(planned.flops for planned in plan.stages if planned.name not in done)
    yield ""
    yield f"still to compute, by formula (fine-tuning and evaluation left out): {flops(left)} FLOPs"
    yield (
        f"step 2 by Standard would be {flops(plan.embed_flops_standard)} FLOPs: "
        f"{plan.saved_per_step:.2f}x less compute per step (computed, not a measured speed-up)"
    )


def result_lines(
    plan: Plan, manifests: Mapping[str, Manifest], gates: Sequence[GateResult]
) -> Iterator[str]:
    """Scores, costs, gates and where the artifacts are."""
    graft = manifests.get("graft")
    rows = score_rows(graft)
    if rows:
        yield from aligned(("TASK", "METRIC", "NEW LANGUAGE", "SOURCE LANGUAGE"), rows)
    for what, value in facts(manifests):
        yield f"{what}: {value}"
    for gate in gates:
        yield gate_line(gate)
    if graft:
        yield f"artifact: {plan.store.rstrip('/')}/{plan['graft'].stage.ref}/{graft.holder}/files/"


def aligned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        yield "   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
