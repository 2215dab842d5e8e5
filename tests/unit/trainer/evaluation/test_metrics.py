"""Accuracy, macro-F1, retrieval and the bootstrap, against scikit-learn and by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from lingraft_trainer.evaluation.metrics import (
    accuracy,
    bootstrap_stderr,
    macro_f1,
    retrieval_correct,
)

LABELS = st.sampled_from(["a", "b", "c", "d"])


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_accuracy_and_macro_f1_are_scikit_learns(pairs: list[tuple[str, str]]):
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    assert accuracy(gold, predicted) == pytest.approx(accuracy_score(gold, predicted))
    nothing_predicted: Any = 0  # pyright reads its type, str, off its default
    expected = f1_score(gold, predicted, average="macro", zero_division=nothing_predicted)
    assert macro_f1(gold, predicted) == pytest.approx(expected)


def test_macro_f1_by_hand():
    # a: tp 1, fp 1, fn 0 -> 2/3; b: tp 1, fp 0, fn 1 -> 2/3; c, only predicted, -> 0
    assert macro_f1(["a", "b", "b", "b"], ["a", "b", "a", "c"]) == pytest.approx(
        (2 / 3 + 2 / 4 + 0) / 3
    )


@pytest.mark.parametrize("metric", [accuracy, macro_f1])
def test_no_examples_or_unequal_lengths_are_refused(metric):
    with pytest.raises(ValueError):
        metric([], [])
    with pytest.raises(ValueError):
        metric(["a"], ["a", "b"])


def test_retrieval_finds_the_own_row_by_cosine_not_length():
    target = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    source = np.array([[9.0, 1.0], [0.1, 0.2], [5.0, 1.0]])
    assert retrieval_correct(source, target, centred=False) == [1.0, 1.0, 0.0]


def test_centring_takes_out_what_a_language_adds_to_every_sentence():
    target = np.eye(8)
    source = np.eye(8) + 50 * np.eye(8)[0]
    assert sum(retrieval_correct(source, target, centred=False)) == 1.0
    assert sum(retrieval_correct(source, target, centred=True)) == 8.0


def test_retrieval_counts_no_ties():
    same = np.ones((4, 3))
    assert retrieval_correct(same, same, centred=False) == [0.0] * 4
    assert retrieval_correct(same, same, centred=True) == [0.0] * 4


def test_retrieval_refuses_other_shapes_and_nan():
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        retrieval_correct(np.ones((2, 3)), np.ones((3, 3)), centred=False)
    with pytest.raises(ValueError, match="finite"):
        retrieval_correct(np.full((2, 3), np.nan), np.ones((2, 3)), centred=False)


def test_bootstrap_of_single_examples_is_the_binomial_error():
    correct = [1.0] * 300 + [0.0] * 700
    expected = math.sqrt(0.3 * 0.7 / 1000)
    assert bootstrap_stderr(correct, None, seed=1) == pytest.approx(expected, rel=0.1)


def test_bootstrap_of_groups_that_agree_has_the_error_of_the_groups():
    correct = [float(group % 2) for group in range(50) for _ in range(20)]
    groups = [f"chapter {group}" for group in range(50) for _ in range(20)]
    expected = math.sqrt(0.25 / 50)
    assert bootstrap_stderr(correct, groups, seed=1) == pytest.approx(expected, rel=0.1)
    assert bootstrap_stderr(correct, None, seed=1) < expected / 3


def test_bootstrap_takes_groups_of_unequal_size_by_their_examples():
    # One of two groups: the mean is 1, 0 or 3/4 with probability 1/4, 1/4, 1/2.
    stderr = bootstrap_stderr([1, 1, 1, 0], ["a", "a", "a", "b"], seed=3, samples=20_000)
    mean = (1 + 0 + 2 * 0.75) / 4
    variance = ((1 - mean) ** 2 + mean**2 + 2 * (0.75 - mean) ** 2) / 4
    assert stderr == pytest.approx(math.sqrt(variance), rel=0.02)


def test_bootstrap_without_something_to_draw():
    correct = [1.0, 0.0] * 50
    alone = bootstrap_stderr(correct, None, seed=2)
    assert bootstrap_stderr(correct, [None] * 100, seed=2) == alone
    assert bootstrap_stderr(correct, ["same"] * 100, seed=2) == alone
    with pytest.raises(ValueError):
        bootstrap_stderr([], None, seed=2)
    with pytest.raises(ValueError):
        bootstrap_stderr(correct, ["a", "b"], seed=2)


def test_bootstrap_repeats_with_its_seed():
    correct, groups = [1.0, 0.0, 1.0, 1.0], ["a", "b", "b", "c"]
    assert bootstrap_stderr(correct, groups, seed=5) == bootstrap_stderr(correct, groups, seed=5)
    assert bootstrap_stderr(correct, groups, seed=5) != bootstrap_stderr(correct, groups, seed=6)
