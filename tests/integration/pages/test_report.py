"""The report in a real browser: nothing is cut off at any width, in light or dark."""

from pathlib import Path

import pytest

from lingraft.report.page import render
from tests.support.browser import Browser, Scheme
from tests.support.finished import HOSTILE, finished_run
from tests.support.pages import OVERFLOW

INVISIBLE = """
[...document.querySelectorAll('svg text, p, td, b')].filter(one => {
  const style = getComputedStyle(one);
  const paper = getComputedStyle(document.body).backgroundColor;
  return one.textContent.trim() && (one instanceof SVGElement ? style.fill : style.color) === paper;
}).length
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of an ordinary run, and of one with hostile names."""
    folder = tmp_path_factory.mktemp("pages")
    found: dict[str, Path] = {}
    for name, label in (("ordinary", "law"), ("hostile", HOSTILE)):
        found[name] = folder / f"{name}.html"
        found[name].write_text(render(label, *finished_run(label=label)), encoding="utf-8")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100, 1600])
@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_nothing_is_cut_off_or_invisible(
    browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: Scheme
) -> None:
    browser.open(pages[name], width=width, scheme=scheme)
    browser.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.ask("innerWidth") == width
    assert browser.ask(OVERFLOW) <= 0
    assert browser.ask(INVISIBLE) == 0
    assert browser.ask("document.querySelectorAll('svg').length") >= 6
    assert browser.complaints == [], "it loads nothing and runs nothing"


def test_hostile_names_run_nothing(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["hostile"], width=1100)
    assert browser.ask("document.title") == HOSTILE
    assert browser.ask("document.querySelectorAll('script, img').length") == 0


def test_light_and_dark_differ(browser: Browser, pages: dict[str, Path]) -> None:
    papers = set[str]()
    schemes: list[Scheme] = ["light", "dark"]
    for scheme in schemes:
        browser.open(pages["ordinary"], width=400, scheme=scheme)
        papers.add(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


def test_the_verdict_is_seen_first_on_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["ordinary"], width=400, height=800)
    top = "document.querySelector('.verdict').getBoundingClientRect().top"
    assert 0 < browser.ask(top) < 400


def test_texts_stand_below_one_another_on_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["hostile"], width=400)
    hidden = "[...document.querySelectorAll('.texts')].map(one => one.parentElement)"
    assert browser.ask(f"{hidden}.map(one => one.scrollWidth - one.clientWidth)") == [0]
    browser.open(pages["hostile"], width=1100)
    row = "document.querySelector('.texts td').getBoundingClientRect().top"
    last = "document.querySelector('.texts td:last-child').getBoundingClientRect().top"
    assert browser.ask(row) == browser.ask(last)
