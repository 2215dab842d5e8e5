"""Charts: in the page's colours, with their names as they are, and pointing the right way."""

import re
import sys

import pytest

from lingraft.errors import UserError
from lingraft.report.charts import COLOURS, Bar, Curve, bars, curves, smoothed

POINTS = [(step, 5.0 - step / 50) for step in range(1, 101)]


def test_a_curve_goes_down_when_the_loss_does() -> None:
    svg = curves("loss", [Curve("", POINTS)], up="loss")
    line = max(re.findall(r' d="([^"]*)"', svg, re.DOTALL), key=len)
    heights = [float(point.split()[2]) for point in line.strip().splitlines()]
    assert len(heights) == 100 and heights == sorted(heights), "SVG's y grows downwards"


def test_charts_are_in_the_pages_colours_and_letters() -> None:
    svg = curves("loss", [Curve("a", POINTS)], up="loss") + bars(
        "b", [Bar("one", [("accent", 1.0)], "1", error=0.1)]
    )
    assert not any(colour in svg for colour in COLOURS.values())
    assert not re.search(r"#[0-9a-f]{6}", svg), "no colour that is not the page's"
    assert "font-family" not in svg and "var(--accent)" in svg and "<text" in svg


def test_names_are_neither_formulas_nor_markup() -> None:
    svg = bars("<b>", [Bar("$x^2$ <i>", [("accent", 1.0)], "$5 & $6")])
    assert "$x^2$ &lt;i&gt;" in svg and "$5 &amp; $6" in svg and 'aria-label="&lt;b&gt;"' in svg


def test_ids_on_one_page_differ() -> None:
    ids = [
        set(re.findall(r' id="([^"]+)"', curves(title, [Curve("", POINTS)], up="loss")))
        for title in ("one", "two")
    ]
    assert ids[0] and ids[1] and not ids[0] & ids[1]


def test_bars_without_any_length_are_drawn() -> None:
    assert "<svg" in bars("nothing", [Bar("none", [("accent", 0.0)], "-")]) + bars("empty", [])


def test_smoothing_keeps_a_straight_line_and_halves_a_tremble() -> None:
    assert smoothed([1.0, 2.0, 3.0]) == [1.0, 2.0, 3.0]
    line = [float(i) for i in range(100)]
    assert smoothed(line)[:-2] == pytest.approx(line[:-2])
    trembling = smoothed([float(i % 2) for i in range(100)])
    assert all(0.3 < value < 0.7 for value in trembling[5:]), "no jump at the end"


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pip install 'lingraft\[report\]'"):
        bars("x", [])
