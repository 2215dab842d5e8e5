"""Whether a run was worth it, in words, from what was measured and what was only computed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lingraft.floors import Standing, part, standings
from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.plan.costs import Costs, costs_of
from lingraft.report.results import number, score
from lingraft.resource.formats import LOSSES
from lingraft.stage import Manifest

Tone = Literal["good", "mixed", "bad", "open"]


@dataclass(frozen=True)
class Tile:
    """One figure that matters.

    Attributes:
        what: What it is of.
        before: The untouched base's; empty where that is not known.
        after: Of what came out.
        note: What it must be compared with.
        tone: Whether that is good.
    """

    what: str
    before: str
    after: str
    note: str
    tone: Tone


@dataclass(frozen=True)
class Verdict:
    """A run in a line, and what it rests on.

    Attributes:
        headline: Yes or no, in a few words.
        why: In sentences.
        tone: The same for the eye.
        tiles: The figures.
    """

    headline: str
    why: tuple[str, ...]
    tone: Tone
    tiles: tuple[Tile, ...]


def verdict_of(
    plan: Plan, manifests: Mapping[str, Manifest], gates: Sequence[GateResult] = ()
) -> Verdict:
    """Judge a run, also one that is not done.

    Args:
        plan: Of the run.
        manifests: The stages that are done, by their names in the plan.
        gates: What came of the quality gates.
    """
    graft, costs = manifests.get("graft"), costs_of(plan)
    if graft is None:
        said = f"{len(manifests)} of {len(plan.stages)} stages are done."
        why = (said, "Scores come with the last one, graft.")
        return Verdict("Not known yet", why, "open", tuple(_saved(plan, costs)))
    scores = first_scores(graft.metrics)
    tiles = [*map(_of_task, scores), *_of_text(graft.metrics)]
    tones = [tile.tone for tile in tiles if tile.tone != "open"]
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        headline, tone = "No: a quality gate failed", "bad"
    elif not tones:
        headline, tone = "Done, and nothing was measured that could tell", "open"
    elif all(one == "good" for one in tones):
        headline, tone = "Yes, it was worth it", "good"
    elif all(one == "bad" for one in tones):
        headline, tone = "No, nothing was gained", "bad"
    else:
        headline, tone = "In part", "mixed"
    why = (*_gained(scores), *(f"{one.task}: {one.reason}." for one in failed), *_paid(costs))
    return Verdict(headline, why, tone, (*tiles, *_saved(plan, costs)))


def first_scores(metrics: Mapping[str, Any]) -> list[Standing]:
    """Of each task its first metric, which is what the task is judged by."""
    found: dict[str, Standing] = {}
    for one in standings(metrics):
        found.setdefault(one.task, one)
    return list(found.values())


def way(one: Standing) -> float | None:
    """Share of the way from its floor to what the model scores in its own language, 0 to 1."""
    top = part({"source": one.source}, "source", "mean")
    if one.value is None or top is None or one.metric in LOSSES:
        return None
    floor = max(one.untouched or 0.0, one.majority or 0.0)
    return (one.value - floor) / (top - floor) if top > floor else None


def _of_task(one: Standing) -> Tile:
    notes = [f"most frequent label {number(one.majority)}"] if one.majority is not None else []
    if one.source:
        notes.append(f"in the source language {number(one.source.get('mean'))}")
    return Tile(
        what=f"{one.task}, {one.metric}",
        before="" if one.untouched is None else number(one.untouched),
        after=score({"mean": one.value, "stderr": one.stderr}),
        note=", ".join(notes),
        tone=_tone(one),
    )


def _tone(one: Standing) -> Tone:
    if one.value is None or (one.untouched is None and one.majority is None):
        return "open"
    return "bad" if one.remark else "good"


def _of_text(metrics: Mapping[str, Any]) -> Iterator[Tile]:
    after = part(metrics, "heldout", "bitsPerByte")
    if after is None:
        return
    heldout = metrics["heldout"]
    before, start = (part(heldout, key, "bitsPerByte") for key in ("untouched", "start"))
    known = [one for one in (before, start) if one is not None]
    yield Tile(
        what="held-out text, bits per byte (less is better)",
        before="" if before is None else number(before),
        after=number(after),
        note="" if start is None else f"before training {number(start)}",
        tone="open" if not known else "good" if after < min(known) else "bad",
    )


def _saved(plan: Plan, costs: Costs) -> Iterator[Tile]:
    if costs.method == "Standard":
        return
    yield Tile(
        what="compute of a step of learning the language",
        before="",
        after=f"{plan.saved_per_step:.2f} times less",
        note="than Standard's, computed and not a measured speed-up",
        tone="good" if plan.saved_per_step > 1 else "bad",
    )


def _gained(scores: Sequence[Standing]) -> Iterator[str]:
    for one in scores:
        share = way(one)
        if one.remark:
            yield f"{one.remark}."
        elif share is not None:
            yield (
                f"{one.task}: {min(share, 1):.0%} of the way from its floor to what the same model "
                "scores in its own language."
            )


def _paid(costs: Costs) -> Iterator[str]:
    if costs.method != "Standard":
        yield f"Beside Standard, which was not run: {costs.sentence}."
