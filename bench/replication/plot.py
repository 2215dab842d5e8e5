"""Learning curves as one SVG file each: readable alone, in Markdown and inside a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 700, 52, 210, 34, 44
LEAST, KEY = 340, 18
"""The picture's height, which grows with its key, and that of a line of the key."""
COLOURS = ("#0b62a8", "#c8501e", "#2e8540", "#7a4fa3", "#8a6d00", "#b0306a", "#00838f", "#555555")
DASHES = ("", "7 4", "2 3", "9 3 2 3")
"""Of lines that share a colour, one after the other."""
STYLE = """svg{background:#fff}text{font:12px system-ui,sans-serif;fill:#222}
.axis{fill:none;stroke:#888}.grid{stroke:#ddd}.floor{stroke:#444;stroke-dasharray:5 4}"""


@dataclass(frozen=True)
class Line:
    """One arm: points (cost, score), the start's cost being 0."""

    name: str
    points: Sequence[tuple[float, float]]


def plot(title: str, unit: str, lines: Sequence[Line], floor: float | None) -> str:
    """Scores over the logarithm of their cost; the start stands at the left edge."""
    costs = [cost for line in lines for cost, _ in line.points if cost > 0]
    scores = [score for line in lines for _, score in line.points]
    scores += [floor] if floor is not None else []
    height = max(LEAST, TOP + BOTTOM + KEY * len(lines))
    first, last = log10(min(costs)) - 0.15, log10(max(costs))
    low, high = min(scores) - 0.02, max(scores) + 0.02
    right, base = WIDTH - RIGHT, height - BOTTOM

    def x(cost: float) -> float:
        at = log10(cost) if cost > 0 else first
        return round(LEFT + (at - first) / (last - first) * (right - LEFT), 1)

    def y(score: float) -> float:
        return round(TOP + (high - score) / (high - low) * (base - TOP), 1)

    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{base}H{right}"/>']
    for i in range(5):
        value = low + (high - low) * i / 4
        parts.append(f'<path class="grid" d="M{LEFT} {y(value)}H{right}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:.2f}</text>'
        )
    for cost in (min(costs), max(costs)):
        parts.append(f'<text x="{x(cost)}" y="{base + 18}" text-anchor="middle">{cost:.2g}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{height - 8}" text-anchor="middle">{escape(unit)}</text>')
    if floor is not None:
        parts.append(f'<path class="floor" d="M{LEFT} {y(floor)}H{right}"/>')
        parts.append(f'<text x="{right + 3}" y="{y(floor) + 4}">floor</text>')
    for i, line in enumerate(lines):
        colour = COLOURS[i % len(COLOURS)]
        at = [(x(cost), y(score)) for cost, score in line.points]
        path = " ".join(f"{a},{b}" for a, b in at)
        dashes = DASHES[i // len(COLOURS) % len(DASHES)]
        drawn = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<polyline {drawn} points="{path}"/>')
        parts += [f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in at]
        key = TOP + 4 + KEY * i
        parts.append(f'<path {drawn} d="M{right + 36} {key}h24"/>')
        parts.append(f'<text x="{right + 66}" y="{key + 4}">{escape(line.name)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )
