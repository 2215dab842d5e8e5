"""What was measured, as a table and a picture, into a folder."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import mean
from typing import Any

from bench.causal.arms import ARMS

WIDTH, LEFT, TOP, LINE = 700, 200, 40, 26


@dataclass(frozen=True)
class Row:
    """One arm, or a state without training.

    Attributes:
        name: Of it.
        updates: Of each run; 0 without training.
        tflop: Of a run, its start included.
        bits: Bits per byte, one a seed.
    """

    name: str
    updates: int
    tflop: float
    bits: Sequence[float]


def rows_of(folder: Path, budget: float) -> list[Row]:
    """What is done: states without training, then arms, in the order of `ARMS`."""
    states = [
        Row(file.stem, 0, 0.0, [_read(file)["bitsPerByte"]])
        for file in [folder / "untouched.json", *sorted(folder.glob("start *.json"))]
        if file.exists()
    ]
    arms: list[Row] = []
    for name in ARMS:
        runs = [_read(file) for file in sorted(folder.glob(f"{name} {budget:g} *.json"))]
        if runs:
            first, bits = runs[0], [one["bitsPerByte"] for one in runs]
            arms.append(Row(name, first["updates"], first["flops"] / 1e12, bits))
    return [*states, *arms]


def write_report(folder: Path, budget: float, out: Path | None = None) -> str:
    """Write `bits.csv` and `bits.svg`; returns the table in Markdown."""
    rows, out = rows_of(folder, budget), out or folder
    out.mkdir(parents=True, exist_ok=True)
    with (out / "bits.csv").open("w", newline="") as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow(("arm", "updates", "tflop", "seed", "bitsPerByte"))
        for row in rows:
            for seed, bits in enumerate(row.bits):
                written.writerow((row.name, row.updates, f"{row.tflop:.2f}", seed, f"{bits:.4f}"))
    (out / "bits.svg").write_text(picture(rows, budget), encoding="utf-8")
    return "\n".join(_table(rows))


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| | updates | TFLOP | bits per byte, one a seed |"
    yield "|---|---|---|---|"
    for row in rows:
        each = ", ".join(f"{bits:.3f}" for bits in row.bits)
        trained = (f"{row.updates}", f"{row.tflop:.1f}") if row.updates else ("", "")
        yield f"| {row.name} | {' | '.join(trained)} | {each} |"


def picture(rows: Sequence[Row], budget: float) -> str:
    """A line for each, a dot for each seed; the fewer bits, the further left."""
    every = [bits for row in rows for bits in row.bits]
    low, high = min(every) - 0.05, max(every) + 0.05
    right, height = WIDTH - 70, TOP + LINE * len(rows) + 34

    def x(bits: float) -> float:
        return round(LEFT + (bits - low) / (high - low) * (right - LEFT), 1)

    parts: list[str] = []
    for number, row in enumerate(rows):
        y = TOP + LINE * number + LINE // 2
        colour = "#0b62a8" if row.updates else "#888"
        parts.append(f'<path stroke="#ddd" d="M{LEFT} {y}H{right}"/>')
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>'
        )
        parts += [f'<circle cx="{x(bits)}" cy="{y}" r="4" fill="{colour}"/>' for bits in row.bits]
        parts.append(f'<text x="{right + 8}" y="{y + 4}">{mean(row.bits):.3f}</text>')
    title = f"SmolLM2-135M learns French: bits per byte after {budget:g} TFLOP (less is better)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>text{{font:12px system-ui,sans-serif;fill:#222}}'
        f'</style><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="16" y="22" font-weight="bold">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )
