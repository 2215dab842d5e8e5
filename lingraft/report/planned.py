"""A plan as lines for a terminal: stages, why they are left, what they cost, how long it takes."""

from collections.abc import Iterator

from lingraft.plan import Plan
from lingraft.plan.costs import Costs
from lingraft.plan.estimate import Estimate
from lingraft.plan.outlook import Outlook
from lingraft.report.columns import aligned
from lingraft.views.text import duration, flops


def plan_lines(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """What `lingraft plan` prints."""
    yield from aligned(
        ("STAGE", "KIND", "DIGEST", "CACHED", "STEPS", "FLOPS"),
        [
            (
                planned.name,
                planned.stage.kind,
                planned.stage.digest[:12],
                "yes" if planned.name in outlook.cached else "no",
                str(planned.steps or "-"),
                flops(planned.flops),
            )
            for planned in plan.stages
        ],
    )
    yield ""
    yield from why_lines(outlook)
    yield from cost_lines(outlook.costs)
    yield f"compute saved per step: {plan.saved_per_step:.2f}x (computed, not a measured speed-up)"
    yield from time_lines(outlook.time)
    for warning in plan.warnings:
        yield f"warning: {warning}"


def why_lines(outlook: Outlook) -> Iterator[str]:
    """Why stages are not cached, those with one reason together, and where they go on."""
    if not outlook.why:
        return
    yield "not cached:"
    grouped: dict[str, list[str]] = {}
    for name, why in outlook.why.items():
        waits = outlook.checkpoints.get(name)
        rest = f"; a checkpoint waits: it goes on from update {waits:,}" if waits else ""
        grouped.setdefault(why.sentence + rest, []).append(name)
    for sentence, names in grouped.items():
        yield f"  {', '.join(names)}: {sentence}"
    yield ""


def cost_lines(costs: Costs) -> Iterator[str]:
    """Totals beside Standard's, and whether they pay."""
    rows = cost_rows(costs)
    yield from aligned(rows[0], rows[1:])
    yield costs.sentence


def cost_rows(costs: Costs) -> list[tuple[str, ...]]:
    """Head and rows: what is spent here and by Standard, in FLOPs by formula."""
    if costs.method == "Standard":
        return [("FLOPS, COMPUTED", "STANDARD"), ("step 2", flops(costs.step2))]
    once = f"once for the base: {costs.once_for}" if costs.once else "once for the base"
    return [
        ("FLOPS, COMPUTED", costs.method.upper(), "STANDARD"),
        ("step 2", flops(costs.step2), flops(costs.step2_standard)),
        (once, flops(costs.once), "-"),
        ("this language in all", flops(costs.total), flops(costs.step2_standard)),
    ]


def time_lines(time: Estimate) -> Iterator[str]:
    """How much is left, and how long it may take."""
    if not time.flops:
        return
    assumed = "assumed of one CPU core: nothing was trained in this store yet"
    by = f"which {time.measured_by} reached" if time.measured_by else assumed
    yield (
        f"still to compute: {flops(time.flops)} FLOPs by formula, about "
        f"{duration(time.device_seconds)} of one device at {flops(time.rate)} FLOPs a second, {by}"
    )
    yield "on top: text, fine-tuning and evaluation, whose number of examples is not known here"
