"""What the report says of one language and test set, whatever is done of it."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.replication.analysis import Curve
from bench.replication.blocks import Figure, Paragraph
from bench.replication.cases import HELD_OUT, Case, case_of
from bench.replication.preset import load_preset
from bench.replication.report import section
from bench.replication.tables import score_rows, speedup_rows

PRESET = load_preset("cpu-small")
COSTS = np.array([0.0, 1e9, 2e9])
GROUPS = [f"{book}:{chapter}" for book in range(8) for chapter in range(25)]
LUCK = np.random.default_rng(0).random(len(GROUPS))


def runs_of(arms: dict[str, list[float]]) -> Any:
    embed = SimpleNamespace(environment={"threads": 1})
    one = SimpleNamespace(unlabelled={}, source={}, manifests={"embed": embed})
    return {arm: [one] for arm in arms}


def genre(arms: dict[str, list[float]]) -> Case:
    """Arms of scores that rise so; what an example asks for depends on luck."""
    curves = {
        arm: Curve(
            COSTS,
            COSTS / 1e9,
            np.array([(level > LUCK).astype(float) for level in rise])[None, :, None],
            (0,),
            arm,
        )
        for arm, rise in arms.items()
    }
    floors = dict.fromkeys(arms, (LUCK < 0.25).astype(float))
    rule = ("TF-IDF", 0.25)
    return case_of(PRESET, "fr", "genre", rule, floors, GROUPS, runs_of(arms), curves)


def held_out(arms: dict[str, list[float]]) -> Case:
    """Arms of bits per byte that fall so."""
    curves = {
        arm: Curve(COSTS, COSTS / 1e9, -np.array(fall)[None, :, None, None], (0,), arm)
        for arm, fall in arms.items()
    }
    floors = {arm: curve.scores[:, 0].mean(axis=(0, 1)) for arm, curve in curves.items()}
    rule = ("standard before step 2", None)
    return case_of(PRESET, "fr", HELD_OUT, rule, floors, ["all"], runs_of(arms), curves)


def told(case: Case) -> str:
    return next(block.text for block in section(PRESET, case) if isinstance(block, Paragraph))


def test_each_reference_is_said_to_start_where_it_stood_untrained() -> None:
    arms = {"standard": [3.0, 2.0, 1.25], "standard-joint": [4.0, 2.0, 1.0]}
    found = held_out({**arms, "minijoint": [3.5, 2.0, 1.5]})
    assert "standard starts at 3.000 and ends 1.750 below it." in told(found)
    assert "standard-joint starts at 4.000 and ends 3.000 below it." in told(found)
    head, *rows = speedup_rows([found])
    places = [head.index(name) for name in ("arm", "against", "floor", "gain")]
    assert {tuple(row[i] for i in places) for row in rows} == {
        ("standard-joint", "standard", "3", "1.75"),
        ("minijoint", "standard", "3", "1.75"),
        ("minijoint", "standard-joint", "4", "3"),
    }


def test_errors_are_said_by_chapter_and_by_book() -> None:
    said = told(genre({"standard": [0.25, 0.5, 0.7], "minijoint": [0.25, 0.5, 0.7]}))
    assert "Floor (TF-IDF): 0.250. 200 examples in 200 groups." in said
    assert re.search(
        r"above it, [\d.]+ standard errors \([\d.]+ where whole books are drawn\)", said
    )
    assert "No signal" not in said


def test_a_reference_that_stands_on_the_floor_is_no_signal() -> None:
    found = genre({"standard": [0.2, 0.25, 0.25], "minijoint": [0.2, 0.5, 0.7]})
    assert found.no_signal == ["standard"]
    assert "No signal: standard has not learned the task." in told(found)
    below = genre({"standard": [0.1, 0.1, 0.1], "minijoint": [0.2, 0.5, 0.7]})
    assert re.search(r"standard ends 0\.1\d\d below it, \d", told(below))
    assert len([*speedup_rows([found])]) == 1, "the heading alone"


def test_what_is_done_before_the_reference_is_reported_without_it() -> None:
    for found in (genre({"minijoint": [0.2, 0.5, 0.7]}), held_out({"minijoint": [3.5, 2.0, 1.5]})):
        assert "standard is not done yet." in told(found)
        pictures = [block.svg for block in section(PRESET, found) if isinstance(block, Figure)]
        assert pictures and not any("nan" in svg for svg in pictures)
        _, row = score_rows([found])
        assert row[2] == "minijoint"
