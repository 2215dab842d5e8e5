"""Gates: a score that is none passes nothing."""

import math
from typing import Any

import pytest

from lingraft.gates import gate_results
from lingraft.resource.tasks import Task
from tests.support.specs import task

GATED = Task.model_validate(task("xnli", gate={"metric": "accuracy", "min": 0.3}))


def judged(mean: Any, **entry: Any):
    score = {"task": "xnli", "metrics": {"accuracy": {"mean": mean}}} | entry
    (result,) = gate_results([GATED], [score])
    return result


def test_what_is_reached_is_passed():
    assert judged(0.3).passed and judged(0.3).reason == ""
    assert judged(0.3, degenerate=[]).passed and judged(0.3, degenerate=None).passed


@pytest.mark.parametrize(
    ("mean", "reason"),
    [(0.299, "0.299 < 0.300"), (None, "not computed"), (math.nan, "nan < 0.300")],
)
def test_what_falls_short_or_is_no_number_is_not(mean: Any, reason: str):
    assert not judged(mean).passed
    assert judged(mean).reason == reason


def test_a_degenerate_model_passes_no_gate_however_it_scores():
    """A model of NaN scored .450 and passed a gate of .300."""
    result = judged(0.45, degenerate=["it answers neutral for every example", "its logits are NaN"])
    assert not result.passed
    assert result.reason == "it answers neutral for every example; its logits are NaN"


def test_without_a_gate_nothing_is_judged():
    assert gate_results([Task.model_validate(task("xnli"))], []) == []
    (missing,) = gate_results([GATED], [])
    assert missing.reason == "not computed"
