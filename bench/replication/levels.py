"""Speed-ups to every level as one picture: a row for each arm of each language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite, log2

from bench.replication.analysis import LEVELS
from bench.replication.plot import COLOURS, STYLE

WIDTH, LEFT, RIGHT, TOP, ROW = 700, 220, 30, 58, 20
LEAST, MOST = 0.5, 4.0
"""Ends of the axis; what lies beyond is drawn at its end."""


@dataclass(frozen=True)
class Row:
    """One arm against its reference.

    Attributes:
        group: Its language.
        name: The arm, and its reference where that is another than the report's.
        speedups: Level to speed-up; 0 is never, infinite is reached untrained.
    """

    group: str
    name: str
    speedups: Mapping[str, float]


def level_plot(title: str, rows: Sequence[Row]) -> str:
    """The picture, as SVG: right of the line at 1 an arm is cheaper than its reference."""
    groups = list(dict.fromkeys(row.group for row in rows))
    height = TOP + ROW * (len(rows) + len(groups)) + 40
    right, base = WIDTH - RIGHT, height - 34

    def x(factor: float) -> float:
        at = log2(min(MOST, max(LEAST, factor)) / LEAST) / log2(MOST / LEAST)
        return round(LEFT + 60 + at * (right - LEFT - 60), 1)

    parts = [f'<text x="10" y="20" font-weight="bold">{escape(title)}</text>']
    colours = dict(zip(LEVELS, COLOURS, strict=False))
    for i, (level, colour) in enumerate(colours.items()):
        at = LEFT + 90 * i
        parts.append(f'<circle cx="{at}" cy="38" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{at + 9}" y="42">{escape(level)}</text>')
    for factor in (0.5, 1, 2, 4):
        kind = "axis" if factor == 1 else "grid"
        parts.append(f'<path class="{kind}" d="M{x(factor)} {TOP}V{base}"/>')
        parts.append(f'<text x="{x(factor)}" y="{base + 16}" text-anchor="middle">{factor}x</text>')
    parts.append(f'<text x="{LEFT + 20}" y="{base + 16}" text-anchor="middle">never</text>')
    y = TOP
    for group in groups:
        y += ROW
        parts.append(f'<text x="10" y="{y + 4}" font-weight="bold">{escape(group)}</text>')
        for row in (one for one in rows if one.group == group):
            y += ROW
            parts.append(f'<path class="grid" d="M{LEFT} {y}H{right}"/>')
            parts.append(f'<text x="20" y="{y + 4}">{escape(row.name)}</text>')
            parts += _marks(row, colours, x, y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _marks(
    row: Row, colours: Mapping[str, str], x: Callable[[float], float], y: float
) -> list[str]:
    """A dot a level; those never reached stand as crosses in a column of their own."""
    found: list[str] = []
    for i, (level, colour) in enumerate(colours.items()):
        speedup = row.speedups.get(level, float("nan"))
        if speedup > 0:
            at = x(speedup if isfinite(speedup) else MOST)
            found.append(f'<circle cx="{at}" cy="{y}" r="5" fill="{colour}" fill-opacity=".8"/>')
        elif speedup == 0:
            at = LEFT + 8 * i
            cross = f"M{at} {y - 3}l6 6m0 -6l-6 6"
            found.append(f'<path d="{cross}" stroke="{colour}" stroke-width="2"/>')
    return found
