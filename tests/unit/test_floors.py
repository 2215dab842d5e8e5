"""Scores and what they stand beside: never a number alone, and said when it is no better."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.floors import Standing, labels_line, remarks, standings

SHARES = st.floats(0, 1)
OLD = {
    "task": "genre",
    "metrics": {"accuracy": {"mean": 0.5, "stderr": 0.03, "perSeed": [0.5]}},
    "sourceMetrics": None,
}
"""As manifests had it before there were floors."""


def entry(mean: float, **floors: Any) -> dict[str, Any]:
    score = {"mean": mean, "stderr": 0.02, "perSeed": [mean]}
    return OLD | {"metrics": {"accuracy": score}, "floors": {"accuracy": floors}}


def said(*entries: dict[str, Any], **more: Any) -> list[str]:
    return list(remarks({"evaluation": list(entries), **more}))


@pytest.mark.parametrize(
    ("loss", "said_of_it"),
    [(0.5, ""), (0.97, "less than two standard errors below it"), (1.2, "no better than")],
)
def test_less_is_better_of_a_loss(loss: float, said_of_it: str):
    one = Standing("ask", "bitsPerByte", loss, 0.02, 1.0, None, None)
    assert (said_of_it in one.remark) if said_of_it else not one.remark


def test_a_score_below_the_majority_is_said_to_be_no_result():
    (one,) = said(entry(0.184, majority=0.253, untouched={"mean": 0.2, "perSeed": [0.2]}))
    assert one == "genre: accuracy 0.184 is no better than the most frequent label for all (0.253)"


def test_a_score_that_is_the_majority_is_said_to_be_it():
    (one,) = said(entry(0.857, majority=0.857, untouched=None))
    assert "0.857 is no better than the most frequent label for all (0.857)" in one


def test_two_standard_errors_are_asked_for():
    (one,) = said(entry(0.5, majority=0.3, untouched={"mean": 0.461, "perSeed": [0.461]}))
    assert one.endswith(
        "no better than the untouched source model (0.461), less than two standard errors above it"
    )
    assert said(entry(0.5, majority=0.3, untouched={"mean": 0.459, "perSeed": [0.459]})) == []


@pytest.mark.parametrize("floors", [{}, {"majority": None, "untouched": None}])
def test_where_no_floor_is_known_nothing_is_said(floors: dict[str, Any]):
    assert said(entry(0.1, **floors)) == []


def test_older_manifests_have_scores_and_no_floors():
    (one,) = standings({"evaluation": [OLD]})
    assert (one.value, one.untouched, one.majority, one.source) == (0.5, None, None, None)
    assert said(OLD) == [] and labels_line(OLD) == ""
    assert standings({}) == [] == said()


@given(SHARES, SHARES, SHARES, st.floats(0, 0.2))
def test_nothing_is_said_of_a_score_exactly_if_it_clears_every_floor(
    value: float, untouched: float, majority: float, stderr: float
):
    one = Standing("t", "f1", value, stderr, untouched, majority, None)
    assert (one.remark == "") == all(value - f > 2 * stderr for f in (untouched, majority))


def test_warnings_and_degenerate_models_are_said_with_their_task():
    found = said(entry(0.9, majority=0.2) | {"warnings": ["seeds differ"], "degenerate": ["one"]})
    assert found == ["genre: one", "genre: seeds differ"]


@pytest.mark.parametrize(
    ("heldout", "number"),
    [
        (None, 0),
        ({"bitsPerByte": 1.2}, 0),
        ({"bitsPerByte": None, "start": {"bitsPerByte": 1.0}}, 0),
        ({"bitsPerByte": 1.2, "start": {"bitsPerByte": 3.0}, "untouched": None}, 0),
        ({"bitsPerByte": 3.0, "start": {"bitsPerByte": 3.0}, "untouched": None}, 1),
        ({"bitsPerByte": 3.1, "start": {"bitsPerByte": 3.0}, "untouched": {"bitsPerByte": 2}}, 2),
    ],
)
def test_bits_per_byte_stand_beside_their_start_and_the_untouched_base(heldout: Any, number: int):
    found = said(heldout=heldout)
    assert len(found) == number and all("bits per byte are no better" in one for one in found)


def test_labels_are_counted_the_most_frequent_first():
    labels = {"gold": {"law": 2, "history": 120}, "train": None, "predicted": {"history": 122.0}}
    assert labels_line({"labels": labels}) == "right: history 120, law 2; given: history 122"
    many = {"gold": {f"l{i:02}": 1 for i in range(30)}}
    assert labels_line({"labels": many}).endswith("l07 1 and 22 more labels")
