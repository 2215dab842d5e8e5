"""Learning curves as inline SVG: no script, no library, readable in light and dark."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 520, 200, 46, 26


def curve(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line of (step, loss) points with its axes labelled at their ends."""
    if len(points) < 2:
        return ""
    steps, losses = [p[0] for p in points], [p[1] for p in points]
    low, high = min(losses), max(losses)
    span, length = (high - low) or 1.0, (steps[-1] - steps[0]) or 1.0

    def place(step: float, loss: float) -> tuple[float, float]:
        x = LEFT + (step - steps[0]) / length * (WIDTH - LEFT - 10)
        y = 10 + (high - loss) / span * (HEIGHT - BOTTOM - 10)
        return round(x, 1), round(y, 1)

    line = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points))
    base = HEIGHT - BOTTOM
    return f"""<figure><figcaption>{escape(title)}</figcaption>
<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}: loss from
{losses[0]:.2f} to {losses[-1]:.2f}">
<path class="axis" d="M{LEFT} 10V{base}H{WIDTH - 10}"/>
<polyline class="line" points="{line}"/>
<text x="{LEFT - 6}" y="16" text-anchor="end">{high:.2f}</text>
<text x="{LEFT - 6}" y="{base}" text-anchor="end">{low:.2f}</text>
<text x="{LEFT}" y="{HEIGHT - 8}">step {steps[0]:.0f}</text>
<text x="{WIDTH - 10}" y="{HEIGHT - 8}" text-anchor="end">{steps[-1]:.0f}</text>
</svg></figure>"""
