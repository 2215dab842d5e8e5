"""Entities and their scores are seqeval's, on tags of any scheme, well formed or not."""

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.formats.conll import PLACED
from lingraft_trainer.evaluation.entity_metrics import entities, entity_counts
from lingraft_trainer.evaluation.metrics import bootstrap_stderr, quotient_stderr
from lingraft_trainer.tasks.tagging import tagging_quotients, tagging_totals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
    from seqeval.metrics.sequence_labeling import get_entities

TYPES = ("PER", "LOC", "B", "a-b")
TAGS = ["O", *"BIES", *(f"{place}-{type}" for place in "BIESLU" for type in TYPES)]
OFTEN = ["O", "B-PER", "I-PER", "I-LOC"]
"""So that entities are sometimes found."""
sequences = st.lists(st.sampled_from(OFTEN) | st.sampled_from(TAGS), max_size=9)


@st.composite
def both(draw: st.DrawFn, tags: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Gold tags of a few sentences, and as many predicted ones."""
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    gold, said = (
        [draw(st.lists(st.sampled_from(tags), min_size=n, max_size=n)) for n in sizes]
        for _ in range(2)
    )
    return gold, said


def test_every_tag_that_is_read_is_among_them() -> None:
    assert all(PLACED.fullmatch(tag) for tag in TAGS)
    assert not any(PLACED.fullmatch(tag) for tag in ("", "PER", "B-", "0", "o", "L", "U", "X-PER"))


@pytest.mark.filterwarnings("ignore")
@given(sequences)
def test_entities_are_seqevals(tags: list[str]) -> None:
    assert entities(tags) == set(get_entities(tags))


@pytest.mark.filterwarnings("ignore")
@given(both(OFTEN) | both(TAGS))
def test_scores_are_seqevals(pair: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, said = pair
    found = tagging_totals("ner", gold, said)
    assert found["f1"] == pytest.approx(f1_score(gold, said))
    assert found["precision"] == pytest.approx(precision_score(gold, said))
    assert found["recall"] == pytest.approx(recall_score(gold, said))


@pytest.mark.filterwarnings("ignore")
@given(both(["NOUN", "VERB", "X", "PUNCT"]))
def test_scores_of_words_are_scikit_learns(pair: tuple[list[list[str]], list[list[str]]]) -> None:
    from sklearn import metrics

    gold, said = pair
    flat = [[tag for one in tags for tag in one] for tags in pair]
    found = tagging_totals("pos", gold, said)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(*flat))
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, said))
    assert found["macroF1"] == pytest.approx(metrics.f1_score(*flat, average="macro"))


def test_malformed_tags_by_hand() -> None:
    assert entities(["I-PER", "I-LOC", "B-LOC", "O", "I-X"]) == {
        ("PER", 0, 0), ("LOC", 1, 1), ("LOC", 2, 2), ("X", 4, 4)
    }  # fmt: skip
    assert entities(["B-PER", "E-PER", "S-PER", "E-PER"]) == {
        ("PER", 0, 1), ("PER", 2, 2), ("PER", 3, 3)
    }  # fmt: skip
    assert entities([]) == entities(["O"]) == set()
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        entity_counts(["O", "O"], ["O"])


def test_nothing_found_is_nought() -> None:
    assert set(tagging_totals("ner", [["O", "O"]], [["O", "O"]]).values()) == {0.0}


def test_the_standard_error_of_a_mean_is_a_quotients() -> None:
    scores, groups = [1.0, 0.0, 0.5, 1.0, 0.0], ["a", "a", None, "b", None]
    mean = bootstrap_stderr(scores, groups, 3)
    assert mean == quotient_stderr([(scores, [1] * 5)], groups, 3) > 0
    twice = quotient_stderr([(scores, [1] * 5), (scores, [1] * 5)], groups, 3)
    assert twice == pytest.approx(mean), "of the mean of two models that are one"
    assert quotient_stderr([([0.0, 0.0], [0, 0])], None, 0) == 0.0
    with pytest.raises(ValueError, match="no examples"):
        quotient_stderr([([], [])], None, 0)


def test_the_standard_error_is_that_of_scores_of_sentences_drawn_anew() -> None:
    """By a plain bootstrap of seqeval's own score."""
    import random

    chance = random.Random(0)
    gold = [chance.choices(OFTEN, k=chance.randint(1, 9)) for _ in range(60)]
    said = [[t if chance.random() < 0.7 else chance.choice(OFTEN) for t in one] for one in gold]
    found = quotient_stderr([tagging_quotients("ner", gold, said)["f1"]], None, 0)
    drawn = [chance.choices(range(60), k=60) for _ in range(400)]
    scores: list[Any] = [f1_score([gold[i] for i in one], [said[i] for i in one]) for one in drawn]
    mean = sum(scores) / len(scores)
    plain = (sum((s - mean) ** 2 for s in scores) / (len(scores) - 1)) ** 0.5
    assert found == pytest.approx(plain, rel=0.2)
