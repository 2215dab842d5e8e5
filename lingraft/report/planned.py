"""A plan as lines for a terminal: stages, why they are left, what they cost, how long it takes."""

from collections.abc import Iterator, Mapping

from lingraft.memory import Memory
from lingraft.plan import Plan
from lingraft.plan.costs import Costs
from lingraft.plan.estimate import Estimate
from lingraft.plan.outlook import Outlook
from lingraft.report.columns import aligned
from lingraft.resource.budget import Budget
from lingraft.spending import shown
from lingraft.stage import Manifest
from lingraft.views.text import duration, flops, gib


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
    left = {name: one for name, one in outlook.memory.items() if name not in outlook.cached}
    yield from memory_lines(left)
    for warning in plan.warnings:
        yield f"warning: {warning}"


def text_lines(corpus: Manifest | None) -> Iterator[str]:
    """What is known of the text: by its corpus stage, or how to find out.

    Args:
        corpus: The manifest of that stage; None while it is not done.
    """
    if corpus is None:
        yield "whether the text is worth it: lingraft advise -f FILE reads some of it and says so"
        return
    found, cut = corpus.metrics, corpus.metrics.get("tokenizer", {})
    paragraphs, twice = found.get("paragraphs", 0), found.get("duplicates", 0)
    said = f"text: {paragraphs:,} paragraphs, {twice / max(paragraphs + twice, 1):.0%} duplicates"
    if cut.get("piecesPerWord") is not None:
        said += f"; {cut['piecesPerWord']:.2f} tokens per word, {cut['unknownRate']:.2%} unknown"
    if cut.get("sharedWithBase") is not None:
        said += f"; {cut['sharedWithBase']:.0%} of the vocabulary are tokens of the base too"
    yield said


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


def budget_lines(budget: Budget | None, outlook: Outlook) -> Iterator[str]:
    """The budget beside what the plan still takes."""
    if budget is None:
        return
    time = outlook.time
    if budget.flops is not None:
        more = ": too little, `lingraft run` refuses" if time.flops > budget.flops else ""
        yield f"budget: {flops(budget.flops)} FLOPs, {flops(time.flops)} are still to compute{more}"
    if budget.device_hours is not None:
        hours = time.device_seconds / 3600
        yield (
            f"budget: {shown(budget.device_hours)} device-hours on a cluster, about {shown(hours)} "
            "by the rate above"
        )
    if budget.cost is not None:
        amount = f"{shown(budget.cost.amount)} {budget.cost.currency}"
        yield f"budget: {amount} on a cluster, by the prices of its pools"
    if budget.device_hours is not None or budget.cost is not None:
        yield "what was spent there stands in status.budget"


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


def memory_lines(memory: Mapping[str, Memory]) -> Iterator[str]:
    """What each stage has a worker hold."""
    if not memory:
        return
    head = ("GIB, COMPUTED", "WEIGHTS", "GRADIENTS", "OPTIMIZER", "ACTIVATIONS", "LOGITS", "START")
    yield from aligned(
        (*head, "IN ALL"),
        [
            (
                name,
                *(
                    gib(part)
                    for part in (
                        one.weights,
                        one.gradients,
                        one.optimizer,
                        one.activations,
                        one.logits,
                        one.start,
                        one.total,
                    )
                ),
            )
            for name, one in memory.items()
        ],
    )
    yield (
        "of one worker without a GPU, with 0.5 GiB of its own; the start is made before the four "
        "parts beside the weights are there"
    )
