"""Cases as tables: for people in the report, for programs as rows of CSV files."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.replication.analysis import LANGUAGES, LEVELS, Comparison, Summary, summarise
from bench.replication.blocks import Block, Paragraph, Table
from bench.replication.bootstrap import Interval
from bench.replication.cases import HELD_OUT, Case

UNITS = (("flops", "FLOPs of step 2"), ("seconds", "device-seconds of step 2"))
SPREAD = "90 %"
"""The level that one-time costs are spread at."""


def costs_shown(case: Case) -> Sequence[tuple[str, str]]:
    """What a case's curves are drawn against: seconds say nothing new of a second score."""
    return UNITS[:1] if case.task == HELD_OUT else UNITS


def summary(cases: Sequence[Case]) -> Iterator[Block]:
    """Over the tasks that the reference has learned, and over held-out text apart."""
    labelled = [case for case in cases if case.task != HELD_OUT]
    for title, of in (
        ("tasks", labelled),
        ("held-out text", [case for case in cases if case.task == HELD_OUT]),
    ):
        pairs = dict.fromkeys(pair for case in of for pair in case.comparisons)
        rows = [
            (*pair, *(_summed(_at(of, pair, level)) for level in LEVELS))
            for pair in pairs
            if _at(of, pair, SPREAD)
        ]
        if rows:
            told = "median (geometric mean where reached); reached of those with signal"
            yield Paragraph(f"Speed-up in FLOPs on {title}: {told}.")
            yield Table(("arm", "against", *LEVELS), rows)
    left = [f"{c.language} {c.task} ({ref})" for c in labelled for ref in c.no_signal]
    if left:
        yield Paragraph(f"No signal, left out: {', '.join(left)}.")


def _at(cases: Sequence[Case], pair: tuple[str, str], level: str) -> list[float]:
    found = [case.comparisons[pair] for case in cases if pair in case.comparisons]
    return [one.reached[level].flops_speedup.value for one in found if one.reached]


def _summed(speedups: Sequence[float]) -> str:
    found: Summary = summarise(speedups)
    mean = f" ({found.where_reached:.2f})" if found.trained > 1 else ""
    return f"{_factor(found.median)}{mean}; {found.reached} of {found.cases}"


def scores(case: Case) -> Table:
    """Where every arm ends."""
    held_out = case.task == HELD_OUT
    rows: list[list[str]] = []
    for arm, runs in case.runs.items():
        curve = case.curves[arm]
        ends = case.sign * curve.scores[:, -1].mean(axis=-1)
        each = "; ".join(" ".join(f"{one:.3f}" for one in run) for run in ends)
        retrieved = [float(v[-1]) for one in runs for v in one.unlabelled.values()]
        beside = float(np.mean(retrieved)) if retrieved else None
        beside = beside if held_out else runs[0].source.get(case.task)
        threads = {str(one.manifests["embed"].environment.get("threads")) for one in runs}
        row = [arm, _signed(case, case.finals[arm]), each, number(beside), f"{curve.flops[-1]:.2e}"]
        rows.append([*row, f"{curve.seconds[-1]:,.0f}", ", ".join(sorted(threads))])
    head = ["arm", "final bits per byte" if held_out else "final score"]
    head += ["each seed" if held_out else "each seed (of step 2; of fine-tuning in it)"]
    head += ["sentences found in English" if held_out else "English itself"]
    return Table([*head, "FLOPs", "device-seconds", "threads"], rows)


def speedups(case: Case) -> Iterator[Block]:
    """Of every comparison one row: in FLOPs, in seconds, and with what is spent once."""
    with_signal = {pair: one for pair, one in case.comparisons.items() if one.reached}
    if not case.comparisons:
        return
    rows = [
        (*pair, str(len(one.runs)), _signed(case, one.difference), *_levels(one, "flops"))
        for pair, one in case.comparisons.items()
    ]
    yield Paragraph("Speed-up in FLOPs to a share of the reference's gain, and score at the end:")
    yield Table(("arm", "against", "seeds", "difference at the end", *LEVELS), rows)
    if not with_signal or case.task == HELD_OUT:
        return
    yield Paragraph("Speed-up in device-seconds:")
    rows = [(*pair, *_levels(one, "seconds")) for pair, one in with_signal.items()]
    yield Table(("arm", "against", *LEVELS), rows)
    once = {pair: case.curves[pair[0]].once for pair in with_signal}
    rows = [
        (*pair, f"{once[pair]:.2e}", *(_factor(x) for x in one.reached[SPREAD].amortised.values()))
        for pair, one in with_signal.items()
        if once[pair]
    ]
    if rows:
        yield Paragraph(f"At {SPREAD}, what is spent once per base spread over languages:")
        over = [f"over {n}" for n in LANGUAGES]
        yield Table(("arm", "against", "FLOPs once", *over), rows)


def _levels(one: Comparison, unit: str) -> list[str]:
    if not one.reached:
        return ["no signal"] * len(LEVELS)
    return [_shown(getattr(found, f"{unit}_speedup")) for found in one.reached.values()]


def speedup_rows(cases: Sequence[Case]) -> Iterator[Sequence[Any]]:
    """`speedups.csv`: 0 is never, inf is untrained."""
    head = ["language", "task", "arm", "against", "seeds", "floor", "gain", "level", "flops"]
    for unit in ("flops", "seconds"):
        head += [f"speedup_{unit}", f"{unit}_low", f"{unit}_high", f"{unit}_never"]
    yield [*head, *(f"amortised_{n}" for n in LANGUAGES)]
    for case in cases:
        for (arm, ref), one in case.comparisons.items():
            for level, reached in one.reached.items():
                intervals = (reached.flops_speedup, reached.seconds_speedup)
                flat = [x for i in intervals for x in (i.value, i.low, i.high, i.never)]
                numbers = [reached.flops, *flat, *reached.amortised.values()]
                over = [f"{case.sign * one.floor:.4g}", f"{one.gain:.4g}"]
                about = [case.language, case.task, arm, ref, len(one.runs), *over, level]
                yield [*about, *(f"{x:.4g}" for x in numbers)]


def score_rows(cases: Sequence[Case]) -> Iterator[Sequence[Any]]:
    """`scores.csv`."""
    head = ["language", "task", "arm", "runs", "score", "low", "high", "floor", "english"]
    yield [*head, "flops", "seconds", "flops_once"]
    for case in cases:
        for arm, curve in case.curves.items():
            shown = _times(case.sign, case.finals[arm])
            source = case.runs[arm][0].source.get(case.task, float("nan"))
            floor = float("nan") if case.shown_floor is None else case.shown_floor
            numbers = [shown.value, shown.low, shown.high, floor, source]
            numbers += [curve.flops[-1], curve.seconds[-1], curve.once]
            about = [case.language, case.task, arm, len(curve.runs)]
            yield [*about, *(f"{x:.4g}" for x in numbers)]


def number(value: float | None) -> str:
    """A score to three digits, where there is one."""
    return "-" if value is None else f"{value:.3f}"


def _times(sign: int, found: Interval) -> Interval:
    low, high = sorted([sign * found.low, sign * found.high])
    return Interval(sign * found.value, low, high)


def _signed(case: Case, found: Interval) -> str:
    shown = _times(case.sign, found)
    return f"{shown.value:.3f} [{shown.low:.3f}, {shown.high:.3f}]"


def _shown(found: Interval) -> str:
    """A speed-up with its interval, and how often there is none."""
    if found.value == 0 and found.never == 1:
        return "never"
    often = f"; never in {found.never:.0%}" if found.never > 0.005 else ""
    return f"{_factor(found.value)} [{_factor(found.low)}, {_factor(found.high)}{often}]"


def _factor(value: float) -> str:
    if np.isnan(value):
        return "-"
    if np.isinf(value):
        return "untrained"
    return f"{value:.2f}" if value else "never"
