"""The rows of the matrix: every pair of values, every value early, the same ones every time."""

import pytest

from tests.matrix.cover import Pair, Row, cover, pairs, pairs_of

AXES = {
    "fruit": ["apple", "pear", "plum", "fig", "date"],
    "size": ["small", "large", "huge"],
    "ripe": ["yes", "no"],
    "from": ["north", "south", "east", "west"],
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return cover(AXES)


def test_every_pair_is_there_in_few_rows(rows: list[Row]) -> None:
    assert set().union(*map(pairs_of, rows)) == pairs(AXES)
    assert len(pairs(AXES)) == 5 * 3 + 5 * 2 + 5 * 4 + 3 * 2 + 3 * 4 + 2 * 4
    assert 20 <= len(rows) <= 28, "the two longest axes take 20"
    assert all(list(row) == list(AXES) for row in rows)


def test_the_first_rows_have_every_value(rows: list[Row]) -> None:
    for name, values in AXES.items():
        assert {row[name] for row in rows[:5]} == set(values)


def test_they_are_the_same_every_time(rows: list[Row]) -> None:
    assert cover(AXES) == rows


def test_what_never_goes_together_is_in_no_row() -> None:
    never = frozenset({Pair([("fruit", "fig"), ("size", size)]) for size in ("huge", "large")})
    found = cover(AXES, never)
    assert pairs(AXES) - set().union(*map(pairs_of, found)) == never
