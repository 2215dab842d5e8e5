"""The report of all runs that are done: tables, plots, where the numbers come from."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from bench.replication import blocks
from bench.replication.analysis import (
    LANGUAGES,
    LEVELS,
    Comparison,
    Curve,
    Interval,
    average,
    compare,
)
from bench.replication.blocks import Block, Figure, Heading, Paragraph, Table
from bench.replication.floors import floor
from bench.replication.measure import Measured
from bench.replication.plot import Line, plot
from bench.replication.preset import Preset
from bench.replication.stages import paired
from lingraft.store.uri import parse_uri
from lingraft_trainer.data.tasks import Example, read_examples

NOTES = (
    "Scores are accuracies through the full model. The final one is a mean over all seeds of step "
    "2 and of fine-tuning; a curve is one over pairs of them (the first of either, the second of "
    "either, ...). [...] is the middle 95 % of a bootstrap over groups of the test set (chapters), "
    "paired between the arms, and says nothing about seeds, which are listed. A level is a share "
    "of what the reference's curve gains over the floor, on curves smoothed so as never to fall. "
    "'Never' is never reached, 'untrained' a level at which an arm stands before it is trained. "
    "FLOPs are of step 2, by formula. Device-seconds are processor seconds on a CPU."
)


def write_report(
    preset: Preset,
    measured: Sequence[Measured],
    judged: Mapping[tuple[str, float], float],
    folder: Path,
) -> None:
    """Write `report.md`, `report.html`, `curves.csv`, `speedups.csv` and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Block] = [
        Heading(1, f"Replication: {preset.name}"),
        Paragraph(preset.about.strip()),
    ]
    found += [Paragraph(NOTES), *_rates(preset, measured, judged)]
    speedups: list[list[str]] = []
    for language, runs in groupby(measured, key=lambda one: one.run.language):
        of_language = list(runs)
        for task in of_language[0].correct:
            found += _section(preset, language, task, of_language, speedups)
    found += [Heading(2, "Over all languages and tasks"), _averages(speedups)]
    found += [Heading(2, "Where the numbers come from"), *_provenance(measured)]
    head = ["language", "task", "arm", "level", "flops", "speedup_flops", "low", "high"]
    head += ["speedup_seconds", "low", "high", *(f"amortised_{n}" for n in LANGUAGES)]
    _write_csv(folder / "speedups.csv", [head, *speedups])
    _write_csv(folder / "curves.csv", _curve_rows(measured))
    for block in found:
        if isinstance(block, Figure):
            (folder / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")
    (folder / "report.md").write_text(blocks.markdown(found), encoding="utf-8")
    page = blocks.html(f"Replication: {preset.name}", found)
    (folder / "report.html").write_text(page, encoding="utf-8")


def curve_of(runs: Sequence[Measured], task: str) -> Curve:
    """One arm's curve: the mean over seeds of step 2 and of fine-tuning."""
    return Curve(
        flops=np.mean([one.flops for one in runs], axis=0),
        seconds=np.mean([one.seconds for one in runs], axis=0),
        correct=np.mean([one.correct[task] for one in runs], axis=0),
        final=np.mean([one.final[task].mean(axis=0) for one in runs], axis=0),
        once=runs[0].once,
    )


def _section(
    preset: Preset, language: str, task: str, runs: Sequence[Measured], rows: list[list[str]]
) -> Iterator[Block]:
    by_arm = {
        arm: [one for one in runs if one.run.arm == arm]
        for arm in dict.fromkeys(one.run.arm for one in runs)
    }
    yield Heading(2, f"{language}, {task}")
    if preset.reference not in by_arm:
        yield Paragraph(f"The reference ({preset.reference}) is not done yet.")
        return
    seeds = {one.run.seed for one in by_arm[preset.reference]}
    shared = {arm: [r for r in of_arm if r.run.seed in seeds] for arm, of_arm in by_arm.items()}
    by_arm = {arm: of_arm for arm, of_arm in shared.items() if of_arm}
    curves = {arm: curve_of(of_arm, task) for arm, of_arm in by_arm.items()}
    spec: Any = next(t for t in runs[0].run.resource.spec.tasks if t.name == task)
    test, train = (Path(str(parse_uri(uri))) for uri in (spec.test, spec.train))
    rule, correct = floor(train, test, spec.format, language)
    examples = read_examples(test, spec.format, language)
    groups = [e.group or str(i) for i, e in enumerate(examples) if isinstance(e, Example)]
    found = compare(curves, np.array(correct), groups, preset.reference)
    verdict = "" if found.signal else " No signal: the reference has not learned the task."
    yield Paragraph(
        f"Floor ({rule}): {found.floor:.3f}. The reference ({preset.reference}) ends "
        f"{found.gain:.3f} above it, {found.gain / max(found.gain_stderr, 1e-9):.1f} standard "
        f"errors ({found.climb:.3f} by its curve).{verdict} {len(examples)} examples in "
        f"{len(set(groups))} groups."
    )
    yield _scores(by_arm, curves, found, task)
    if found.signal:
        yield _speedups(language, task, found, rows)
    for unit, what in (("flops", "FLOPs of step 2"), ("seconds", "device-seconds of step 2")):
        lines = [
            Line(arm, list(zip(getattr(c, unit).tolist(), c.correct.mean(axis=1), strict=True)))
            for arm, c in curves.items()
        ]
        name = f"{preset.name}-{language}-{task}-{unit}"
        yield Figure(name, plot(f"{language}, {task}: accuracy", what, lines, found.floor))


def _scores(
    by_arm: dict[str, list[Measured]], curves: dict[str, Curve], found: Comparison, task: str
) -> Table:
    rows = []
    for arm, runs in by_arm.items():
        each = "; ".join(
            " ".join(f"{score:.3f}" for score in one.final[task].mean(axis=1)) for one in runs
        )
        unlabelled = [float(v[-1]) for one in runs for v in one.unlabelled.values()]
        source = runs[0].source.get(task)
        rows.append(
            (
                arm,
                _with(found.final[arm], 3),
                each,
                f"{np.mean([one.bits[-1] for one in runs]):.3f}",
                f"{np.mean(unlabelled):.3f}" if unlabelled else "-",
                "-" if source is None else f"{source:.3f}",
                f"{curves[arm].flops[-1]:.2e}",
                f"{curves[arm].seconds[-1]:,.0f}",
            )
        )
    head = ("arm", "final accuracy", "each seed (step 2; fine-tuning)", "bits per byte")
    head += ("verses found in English", "English itself", "FLOPs", "device-seconds")
    return Table(head, rows)


def _speedups(language: str, task: str, found: Comparison, rows: list[list[str]]) -> Table:
    shown = []
    for arm, levels in found.reached.items():
        for level, r in levels.items():
            intervals = (r.flops_speedup, r.seconds_speedup)
            flat = [f"{x:.4g}" for i in intervals for x in (i.value, i.low, i.high)]
            spread = [f"{r.amortised[n]:.4g}" for n in LANGUAGES]
            rows.append([language, task, arm, level, f"{r.flops:.4g}", *flat, *spread])
            reached = f"{r.flops:.2e}" if np.isfinite(r.flops) else "never"
            once = " / ".join(_or_never(r.amortised[n]) for n in LANGUAGES)
            shown.append((arm, level, reached, *(_with(i, 2) for i in intervals), once))
    over = "speed-up in FLOPs, one-time cost over " + " / ".join(map(str, LANGUAGES)) + " languages"
    head = ("arm", "level", "FLOPs to reach it", "speed-up in FLOPs", "speed-up in device-seconds")
    return Table((*head, over), shown)


def _averages(speedups: Sequence[Sequence[str]]) -> Block:
    if not speedups:
        return Paragraph("No language shows a signal.")
    rows = []
    for arm in dict.fromkeys(row[2] for row in speedups):
        for level in LEVELS:
            mine = [row for row in speedups if row[2] == arm and row[3] == level]
            flops, never = average([float(row[5]) for row in mine])
            seconds, _ = average([float(row[8]) for row in mine])
            known = sum(not np.isnan(float(row[5])) for row in mine)
            of = f"{known - never} of {known}"
            means = ("-" if np.isnan(mean) else f"{mean:.2f}" for mean in (flops, seconds))
            rows.append((arm, level, *means, of))
    return Table(("arm", "level", "in FLOPs", "in device-seconds", "reached"), rows)


def _rates(
    preset: Preset, measured: Sequence[Measured], judged: Mapping[tuple[str, float], float]
) -> Iterator[Block]:
    if not judged:
        rates = ", ".join(f"{rate:g}" for rate in preset.learning_rates)
        yield Paragraph(f"Peak learning rate of step 2: {rates} in every arm; there was no search.")
        return
    chosen = {one.run.arm: f"{one.run.learning_rate:g}" for one in measured}
    own = [f"{arm} {rate}" for arm, rate in chosen.items() if arm not in preset.rates_like]
    borrowed = [
        f"{arm} {rate} ({preset.rates_like[arm]}'s)"
        for arm, rate in chosen.items()
        if arm in preset.rates_like
    ]
    yield Paragraph(
        "Peak learning rate of step 2: of one grid, the one with the fewest held-out bits per byte "
        f"in {preset.search_language} after one run, which needs no label. Searched: "
        + ", ".join(own)
        + ("; taken from another arm: " + ", ".join(borrowed) if borrowed else "")
        + "."
    )
    arms = dict.fromkeys(arm for arm, _ in judged)
    rows = [[a, *(_bits(judged.get((a, r))) for r in preset.learning_rates)] for a in arms]
    yield Table(["bits per byte at", *(f"{rate:g}" for rate in preset.learning_rates)], rows)


def _bits(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _provenance(measured: Sequence[Measured]) -> Iterator[Block]:
    seen: dict[str, tuple[str, ...]] = {}
    for one in measured:
        for name, manifest in one.manifests.items():
            if name.startswith("graft-") and name != f"graft-{one.steps[-1]}":
                continue
            place = manifest.environment
            versions = " ".join(f"{k} {v}" for k, v in place.get("versions", {}).items())
            where = f"{place.get('device')}, {place.get('threads')} threads"
            about = (place.get("precision", "-"), where, versions, manifest.created_at)
            run = one.run
            who = f"{run.language} {run.arm} {run.seed} {name}"
            seen.setdefault(manifest.stage.ref, (who, manifest.stage.digest[:16], *map(str, about)))
    yield Table(
        ("stage, of the first run with it", "digest", "in", "on", "with", "at"), [*seen.values()]
    )


def _curve_rows(measured: Sequence[Measured]) -> Iterator[list[Any]]:
    head = ["language", "arm", "seed", "rate", "task", "finetune_seed", "step"]
    yield [*head, "flops", "seconds", "bits_per_byte", "accuracy"]
    for one in measured:
        run = one.run
        for i, step in enumerate(one.steps):
            cost = [step, f"{one.flops[i]:.6g}", f"{one.seconds[i]:.2f}", f"{one.bits[i]:.4f}"]
            mine = [run.language, run.arm, run.seed, run.learning_rate]
            for task, scores in one.correct.items():
                seeds = len(one.final[task])
                pair = paired(range(seeds), run.seed)
                yield [*mine, task, pair, *cost, f"{scores[i].mean():.4f}"]
                for seed in set(range(seeds)) - {pair} if i + 1 == len(one.steps) else ():
                    yield [*mine, task, seed, *cost, f"{one.final[task][seed].mean():.4f}"]
            for task, found in one.unlabelled.items():
                yield [*mine, task, "", *cost, f"{found[i]:.4f}"]


def _write_csv(path: Path, rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _with(found: Interval, digits: int) -> str:
    if np.isnan(found.value):
        return "untrained"
    if found.value == 0:
        return f"never [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _or_never(value: float) -> str:
    return "untrained" if np.isnan(value) else f"{value:.2f}" if value else "never"
