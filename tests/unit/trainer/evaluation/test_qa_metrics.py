"""SQuAD's and MLQA's scores, on cases worked out by hand from the official scripts."""

import pytest

from lingraft.formats.examples import Answer, Question
from lingraft_trainer.evaluation.qa_metrics import (
    SQUAD,
    exact_match,
    f1,
    normalize_answer,
    qa_scores,
)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (SQUAD, "The  quick, brown-fox!", "quick brownfox"),
        (SQUAD, "«An» apple", "« » apple"),  # SQuAD drops ASCII punctuation only
        ("en", "«An» apple", "apple"),
        ("en", "$5 + a tip", "5 tip"),  # $ and + are symbols, not P*, but ASCII punctuation
        ("en", "5 € there", "5 € there"),
        ("es", "¿Los perros?", "perros"),
        ("hi", "यह, ठीक।", "यह ठीक"),
        ("vi", "Những cuốn sách của tôi", "cuốn sách tôi"),
        ("de", "Der Hund einer Frau.", "hund frau"),
        ("ar", "الكتاب، والقلم", "كتاب و قلم"),
        ("zh", "1998年\uff0c北京 city", "1998 年 北 京 city"),
        ("zh-Hans", "北京。", "北 京"),
        ("fr", "L'été, la mer", "lété la mer"),  # MLQA has no French: no articles
    ],
)
def test_normalisation(language: str, text: str, expected: str):
    assert normalize_answer(text, language) == expected


def test_f1_counts_tokens_as_often_as_both_have_them():
    # prediction 4 tokens, answer 3, common 2: precision 1/2, recall 2/3
    assert f1("red red red boat", "red boat house", "en") == pytest.approx(4 / 7)
    assert f1("boat", "the boat", SQUAD) == 1.0
    assert f1("boat", "ship", SQUAD) == 0.0


def test_chinese_is_compared_by_characters():
    assert f1("北京市", "北京", "zh") == pytest.approx(4 / 5)
    assert exact_match("北京", "北 京。", "zh") == 1.0


def test_answers_that_are_nothing_but_articles():
    # As in the official scripts: equal, but without a common token.
    assert exact_match("the", "a", SQUAD) == 1.0
    assert f1("the", "a", SQUAD) == 0.0


def test_the_best_answer_counts_and_a_missing_prediction_scores_nothing():
    answers = (Answer("in 1874", 0), Answer("1874", 3))
    questions = [Question(i, "When?", "in 1874", answers) for i in ("q1", "q2", "q3")]
    scores = qa_scores(questions, ["1874.", "around 1874", None], SQUAD)
    assert scores.exact_match == [1.0, 0.0, 0.0]
    assert scores.f1 == pytest.approx([1.0, 2 / 3, 0.0])
