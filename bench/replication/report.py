"""The report of all runs that are done: tables, plots, where the numbers come from."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.replication import blocks, tables
from bench.replication.blocks import Block, Figure, Heading, Paragraph, Table
from bench.replication.cases import HELD_OUT, Case, cases_of
from bench.replication.levels import Row, level_plot
from bench.replication.measure import Measured
from bench.replication.plot import Line, plot
from bench.replication.preset import Preset
from bench.replication.tables import costs_shown, number

ROUNDING = 1e-9
"""Standard errors below this are none: one seed on held-out text is drawn alike every time."""
NOTES = (
    "Scores are through the full model, means over all seeds of step 2 and of fine-tuning; "
    "held-out text is scored without labels, in bits per byte. [...] is the middle 95 % of a "
    "bootstrap over groups of the test set (chapters, packages) and both kinds of seeds, the same "
    "draws for arms of one base. A level is a share of what the reference gains over the floor, on "
    "curves smoothed so as never to fall; of held-out text the floor is the reference before "
    "step 2. A speed-up is the reference's cost over the arm's. 'Never' is never reached, in the "
    "draws counted as 0; 'untrained': the arm stands there before it is trained. FLOPs are of step "
    "2, by formula. Device-seconds are processor seconds on a CPU.",
    "All arms have equal updates where nothing else is said, and their learning rate falls to zero "
    "at the last one: an arm of less FLOPs an update ends where the reference is on its way, so a "
    "level that it reaches near its end is reached at that ratio at least, or never. Before the "
    "first snapshot a straight line is taken.",
)


def write_report(
    preset: Preset,
    measured: Sequence[Measured],
    judged: Mapping[tuple[str, float], float],
    folder: Path,
) -> None:
    """Write `report.md`, `report.html`, the plots, and as CSV curves, scores, speed-ups, stages."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = cases_of(preset, measured)
    found: list[Block] = [
        Heading(1, f"Replication: {preset.name}"),
        Paragraph(preset.about.strip()),
        Heading(2, "Over all languages and tasks"),
        *_levels(preset, cases),
        *tables.summary(cases),
        *(Paragraph(note) for note in NOTES),
        Heading(2, "Learning rates"),
        *_rates(preset, measured, judged),
    ]
    for case in cases:
        found += section(preset, case)
    for block in found:
        if isinstance(block, Figure):
            (folder / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")
    (folder / "report.md").write_text(blocks.markdown(found), encoding="utf-8")
    page = blocks.html(f"Replication: {preset.name}", found)
    (folder / "report.html").write_text(page, encoding="utf-8")
    _write_csv(folder / "speedups.csv", tables.speedup_rows(cases))
    _write_csv(folder / "scores.csv", tables.score_rows(cases))
    _write_csv(folder / "curves.csv", _curve_rows(measured))
    _write_csv(folder / "stages.csv", _provenance(measured))


def _levels(preset: Preset, cases: Sequence[Case]) -> Iterator[Block]:
    """What every arm needs for each level of bits per byte, in all languages, as one picture."""
    rows = [
        Row(
            case.language,
            arm if ref == preset.reference else f"{arm} (against {ref})",
            {level: one.flops_speedup.value for level, one in found.reached.items()},
        )
        for case in cases
        if case.task == HELD_OUT
        for (arm, ref), found in case.comparisons.items()
    ]
    if rows:
        title = (
            f"FLOPs of {preset.reference} over an arm's, to a share of its gain in bits per byte"
        )
        yield Figure(f"{preset.name}-levels", level_plot(title, rows))


def section(preset: Preset, case: Case) -> Iterator[Block]:
    """What there is to say of one language and test set."""
    yield Heading(2, f"{case.language}, {case.task}")
    told = _standing(case)
    for reference in case.no_signal:
        told += f" No signal: {reference} has not learned the task."
    if not case.comparisons:
        told += f" {preset.reference} is not done yet."
    yield Paragraph(told)
    yield tables.scores(case)
    yield from tables.speedups(case)
    for unit, what in costs_shown(case):
        lines = [
            Line(arm, [*zip(getattr(curve, unit), case.sign * curve.mean, strict=True)])
            for arm, curve in case.curves.items()
        ]
        name = f"{preset.name}-{case.language}-{case.task.replace(' ', '-')}-{unit}"
        score = "bits per byte" if case.task == HELD_OUT else "score"
        title = f"{case.language}, {case.task}: {score}"
        yield Figure(name, plot(title, what, lines, case.shown_floor))


def _standing(case: Case) -> str:
    """The floor, and how far above it each reference ends."""
    held_out = case.task == HELD_OUT
    told: list[str] = []
    if not held_out:
        told.append(f"Floor ({case.rule}): {number(case.floor)}.")
        told.append(f"{case.examples} examples in {case.groups} groups.")
    for reference, one in {ref: one for (_, ref), one in case.comparisons.items()}.items():
        # Bits per byte count down.
        start = f"starts at {-one.floor:.3f} and " if held_out else ""
        side, far = "above" if (one.gain >= 0) != held_out else "below", abs(one.gain)
        end = f"{reference} {start}ends {far:.3f} {side} it"
        if one.gain_stderr > ROUNDING:
            end += f", {far / one.gain_stderr:.1f} standard errors"
        if by_book := one.gain_stderr_by_book:
            end += f" ({far / by_book:.1f} where whole books are drawn)"
        told.append(f"{end}.")
    return " ".join(told)


def _rates(
    preset: Preset, measured: Sequence[Measured], judged: Mapping[tuple[str, float], float]
) -> Iterator[Block]:
    if len(preset.learning_rates) == 1:
        rates = ", ".join(f"{rate:g}" for rate in preset.learning_rates)
        yield Paragraph(f"Peak learning rate of step 2: {rates} in every arm; there was no search.")
        return
    yield Paragraph(
        "Peak learning rate of step 2: of one grid, the one with the fewest held-out bits per byte "
        f"in {preset.search_language} after one run, which needs no label."
    )
    rows: list[list[str]] = []
    for arm, rate in {one.run.arm: f"{one.run.learning_rate:g}" for one in measured}.items():
        like = preset.rates_like.get(arm, arm)
        tried = [number(judged.get((like, one))) for one in preset.learning_rates]
        rows.append([arm, *tried, rate if like == arm else f"{rate} ({like}'s)"])
    yield Table(["bits per byte at", *(f"{r:g}" for r in preset.learning_rates), "taken"], rows)


def _provenance(measured: Sequence[Measured]) -> Iterator[Sequence[Any]]:
    yield ["run", "stage", "digest", "precision", "device", "threads", "versions", "created"]
    seen: set[str] = set()
    for one in measured:
        for name, manifest in one.manifests.items():
            if manifest.stage.ref in seen:
                continue
            seen.add(manifest.stage.ref)
            place = manifest.environment
            versions = " ".join(f"{k} {v}" for k, v in place.get("versions", {}).items())
            where = [place.get(key, "") for key in ("precision", "device", "threads")]
            who = f"{one.run.language} {one.run.arm} {one.run.seed}"
            digest = manifest.stage.digest
            yield [who, name, digest, *where, versions, manifest.created_at]


def _curve_rows(measured: Sequence[Measured]) -> Iterator[Sequence[Any]]:
    head = ["language", "arm", "seed", "rate", "task", "finetune_seed", "step"]
    yield [*head, "flops", "seconds", "bits_per_byte", "score"]
    for one in measured:
        run = one.run
        for i, step in enumerate(one.steps):
            cost = [step, f"{one.flops[i]:.6g}", f"{one.seconds[i]:.2f}", f"{one.bits[i]:.4f}"]
            mine = [run.language, run.arm, run.seed, run.learning_rate]
            for task, scores in one.scores.items():
                for seed, found in enumerate(scores[i].mean(axis=1)):
                    yield [*mine, task, seed, *cost, f"{found:.4f}"]
            for task, found in one.unlabelled.items():
                yield [*mine, task, "", *cost, f"{found[i]:.4f}"]


def _write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
