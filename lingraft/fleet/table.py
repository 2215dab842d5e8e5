"""A fleet as columns for a terminal, and as CSV for a spreadsheet."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from lingraft.fleet.row import Row
from lingraft.report.columns import aligned

TITLES = (
    *("LANGUAGE", "NAME", "PHASE", "PROGRESS", "QUALITY", "BITS/BYTE", "TOKENS/WORD", "SAVED"),
    *("DEVICE-HOURS", "COST", "PUBLISHED"),
)
CSV_TITLES = (
    *("language", "name", "phase", "progress", "task", "metric", "score", "standard error"),
    *("floor", "gate", "gate passed", "bits per byte before", "bits per byte after"),
    *("tokens per word before", "tokens per word after", "compute saved per step"),
    *("device-hours", "cost", "published", "published since"),
)
WIDEST = 40
"""Letters of what people wrote, on a terminal."""


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """A line a language; further tasks have lines of their own below it."""
    cells: list[tuple[str, ...]] = []
    for row in rows:
        scores = [_short(score.line, 2 * WIDEST) for score in row.scores] or [""]
        cells.append(
            (
                _short(row.language),
                _short(row.name),
                row.phase,
                _short(row.progress),
                scores[0],
                change(row.bits_before, row.bits_after, 3),
                change(row.tokens_before, row.tokens_after, 2),
                f"{row.saved:.2f}x" if row.saved is not None else "",
                f"{row.device_hours:,.2f}" if row.device_hours is not None else "",
                row.cost,
                row.published,
            )
        )
        cells += [("", "", "", "", line, *[""] * 6) for line in scores[1:]]
    yield from aligned(TITLES, cells)


def change(before: float | None, after: float | None, digits: int) -> str:
    """`2.750 → 1.170`, or the one that is known."""
    known = [f"{value:.{digits}f}" for value in (before, after) if value is not None]
    return " → ".join(known) if after is not None else ""


def to_csv(rows: Sequence[Row]) -> str:
    """A line for each task of each language; one of a language without scores.

    No cell begins as a formula does: a spreadsheet would compute what a tenant wrote.
    """
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(CSV_TITLES)
    for row in rows:
        rest = (
            *(row.bits_before, row.bits_after, row.tokens_before, row.tokens_after),
            *(row.saved, row.device_hours, _text(row.cost), _text(row.published)),
            _text(row.published_since),
        )
        whose = tuple(map(_text, (row.language, row.name, row.phase, row.progress)))
        for score in row.scores or (None,):
            if score is None:
                writer.writerow((*whose, *[""] * 7, *rest))
                continue
            writer.writerow(
                (
                    *whose,
                    *(_text(score.task), _text(score.metric), score.value, score.stderr),
                    *(score.floor, score.gate, "" if score.passed is None else score.passed),
                    *rest,
                )
            )
    return written.getvalue()


def _text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in tuple("=+-@") else cell


def _short(text: str, most: int = WIDEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
