"""The fleet's page in a real browser: sorted, filtered, whole, with no script but ours."""

from pathlib import Path

import pytest

from lingraft.fleet.cluster import row_of
from lingraft.fleet.page import render
from tests.support.browser import Browser, Scheme
from tests.support.finished import HOSTILE
from tests.support.fleets import evaluated, fleet, resource
from tests.support.pages import OVERFLOW

SHOWN = "[...document.querySelectorAll('#fleet tbody tr')].filter(row => row.offsetHeight)"
NAMES = f"{SHOWN}.map(row => row.cells[1].textContent)"


def click(column: int) -> str:
    return f"document.querySelector('[data-column=\"{column}\"]').click()"


def fill(name: str, value: str) -> str:
    one = f"document.getElementById('{name}')"
    return f"{one}.{value}; {one}.dispatchEvent(new Event('input'))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fleet") / "fleet.html"
    file.write_text(render([row_of(one) for one in fleet()["items"]]), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100, 1600])
def test_nothing_is_cut_off(browser: Browser, page: Path, width: int, scheme: Scheme) -> None:
    browser.open(page, width=width, scheme=scheme)
    assert browser.ask("innerWidth") == width
    assert browser.ask(OVERFLOW) <= 0
    assert browser.ask(f"{SHOWN}.length") == 41
    assert browser.complaints == []


def test_a_tenants_words_are_text(browser: Browser, page: Path) -> None:
    browser.open(page, width=1100)
    assert browser.ask("document.title") == "Languages"
    assert browser.ask("document.querySelectorAll('script').length") == 1
    assert browser.ask("document.querySelectorAll('img').length") == 0
    assert browser.ask(f"{SHOWN}.at(-1).cells[0].textContent") == HOSTILE
    browser.ask(fill("task", f"value = {HOSTILE!r}"))
    assert browser.ask(f"{SHOWN}.length") == 1, "even such a task can be asked for"
    browser.ask(click(0))
    assert browser.complaints == []


def test_rows_are_filtered(browser: Browser, page: Path) -> None:
    browser.open(page, width=1100)
    browser.ask(fill("phase", "value = 'Stalled'"))
    assert browser.ask(f"{SHOWN}.length") == 8
    assert browser.ask("document.getElementById('count').textContent") == "8 of 41"
    browser.ask(fill("words", "value = 'LANGUAGE-12 genre'"))
    assert browser.ask(NAMES) == ["models/language-12"]
    browser.ask(fill("words", "value = 'nothing'"))
    assert browser.ask(f"{SHOWN}.length") == 0


def test_failed_gates_are_found(browser: Browser, page: Path) -> None:
    browser.open(page, width=1100)
    browser.ask(fill("failed", "checked = true"))
    assert browser.ask(f"{SHOWN}.length") == 40


def test_rows_are_sorted_by_number_and_what_is_unknown_comes_last(
    browser: Browser, tmp_path: Path
) -> None:
    values = {"a": 0.9, "b": 0.11, "c": None, "d": 0.5}
    items = [
        resource(name, evaluation=[] if value is None else [evaluated(value=value)])
        for name, value in values.items()
    ]
    file = tmp_path / "fleet.html"
    file.write_text(render([row_of(one) for one in items]), encoding="utf-8")
    browser.open(file, width=1100)
    for names in (["b", "d", "a", "c"], ["a", "d", "b", "c"]):
        browser.ask(click(3))
        assert browser.ask(NAMES) == [f"models/{name}" for name in names]
    browser.ask(click(1))
    assert browser.ask(NAMES) == [f"models/{name}" for name in "abcd"]
    assert browser.ask("document.querySelectorAll('[aria-sort]').length") == 1
