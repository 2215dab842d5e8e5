# pyright: basic
"""Charts as SVG by matplotlib, in a page's own colours and letters: light and dark, no script.

matplotlib is imported when something is drawn: `pip install 'lingraft[report]'`. It draws in
colours that are nobody's, and each is then replaced by a variable of the page's style sheet.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from io import StringIO
from typing import Any

from lingraft.errors import UserError

WIDTH, BAR = 4.2, 0.34
"""Inches of a chart, and the height of a bar with its label; an inch is 100 units of the SVG."""
COLOURS = {
    "ink": "#010203",
    "grid": "#010206",
    "faint": "#010209",
    "accent": "#01020c",
    "other": "#01020f",
    "good": "#010212",
}
"""By the name of a variable in the style sheet: `--ink` and so on."""
MIDDLE = 0.02
"""Share of a curve's points over which it is smoothed, to both sides."""
LONGEST = 32
"""Letters of a name."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One training run.

    Attributes:
        name: For the legend; empty: none.
        points: Of updates and losses.
    """

    name: str
    points: Points


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        name: Beside it.
        parts: Lengths that follow one another, by colour.
        label: At its end.
        error: A standard error; 0: none is shown.
    """

    name: str
    parts: Sequence[tuple[str, float]]
    label: str
    error: float = 0.0
    total: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", sum(length for _, length in self.parts))


def curves(
    title: str, runs: Sequence[Curve], *, marks: Sequence[tuple[str, Points]] = (), up: str
) -> str:
    """Losses over updates, smoothed over what was measured.

    Args:
        title: Says it to those who do not see it, too.
        runs: Of one kind, laid over each other.
        marks: Named points, such as losses of held-out text.
        up: What the vertical axis measures, with its unit.

    Raises:
        UserError: matplotlib is not installed.
    """
    figure, axes = new_figure(2.5)
    for run, colour in zip(runs, ("accent", "other", "good") * len(runs), strict=False):
        steps, losses = zip(*run.points, strict=True)
        axes.plot(steps, losses, color=COLOURS["faint"], linewidth=0.8, zorder=1)
        smooth = smoothed(losses)
        axes.plot(
            steps, smooth, color=COLOURS[colour], linewidth=1.8, label=_plain(run.name) or None
        )
    for (name, points), marker in zip(marks, "oDs", strict=False):
        steps, losses = zip(*points, strict=True)
        line = ":" if len(points) > 2 else ""  # nobody knows what lies between two ends
        axes.plot(
            *(steps, losses), color=COLOURS["good"], marker=marker, label=name, linestyle=line
        )
    axes.set_xlabel("updates")
    axes.set_ylabel(up)
    axes.grid(color=COLOURS["grid"], linewidth=0.7)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if any(run.name for run in runs) or marks:
        axes.legend(frameon=False, labelcolor=COLOURS["ink"])
    return element(figure, title)


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Bars that lie below one another, each with its name and its value.

    Args:
        title: Says it to those who do not see it, too.
        rows: From above.

    Raises:
        UserError: matplotlib is not installed.
    """
    figure, axes = new_figure(0.12 + BAR * len(rows))
    longest = max((row.total + row.error for row in rows), default=0.0) or 1.0
    for at, row in enumerate(reversed(rows)):
        start = 0.0
        for colour, length in row.parts:
            axes.barh(at, length, left=start, height=0.55, color=COLOURS[colour])
            start += length
        if row.error:
            axes.errorbar(
                *(row.total, at), xerr=row.error, color=COLOURS["ink"], capsize=2, linewidth=1
            )
        axes.text(
            *(row.total + row.error + 0.03 * longest, at, _plain(row.label)),
            **{"va": "center", "color": COLOURS["ink"]},
        )
    axes.set_xlim(0, 1.3 * longest)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_yticks(range(len(rows)), [_plain(row.name) for row in reversed(rows)])
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in ("bottom", "left"):
        axes.spines[side].set_visible(False)
    return element(figure, title)


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and its neighbours; at the start, which is steep, as many each side.

    At the end those before count all the same, or the last value alone would be a jump.
    """
    reach = max(1, round(MIDDLE * len(values))) if len(values) > 8 else 0
    found: list[float] = []
    for at in range(len(values)):
        near = min(reach, at)
        window = values[at - near : at + near + 1]
        found.append(sum(window) / len(window))
    return found


def _plain(name: str) -> str:
    """A name as it is, shortened: matplotlib would read what stands between dollars as formulas."""
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return short.replace("$", r"\$")


def new_figure(height: float) -> tuple[Any, Any]:
    """A figure and its axes, in our colours.

    Args:
        height: Inches.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; pip install 'lingraft[report]'"
        raise UserError(message, where="lingraft report") from error
    figure = Figure(figsize=(WIDTH, height), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(COLOURS["grid"])
    axes.tick_params(colors=COLOURS["grid"], labelcolor=COLOURS["ink"])
    axes.xaxis.label.set_color(COLOURS["ink"])
    axes.yaxis.label.set_color(COLOURS["ink"])
    return figure, axes


def element(figure: Any, title: str) -> str:
    """The chart as an element of a page, the same bytes for the same data."""
    from matplotlib import rc_context

    salt = sha256(title.encode()).hexdigest()  # ids of several charts on one page must differ
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    written = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9}):
        figure.savefig(written, format="svg", metadata=nothing)
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="(?!(?:m|p|c)[0-9a-f]{10})[^"]*"', "", svg)  # those that nothing refers to
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    label = f'role="img" aria-label="{escape(title)}"'
    return re.sub(r'^<svg[^>]*?(viewBox="[^"]*")[^>]*>', rf"<svg \1 {label}>", svg, flags=re.DOTALL)
