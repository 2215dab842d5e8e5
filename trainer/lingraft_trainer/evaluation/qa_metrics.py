"""Extractive question answering, scored as SQuAD v1.1's and MLQA's own scripts do.

SQuAD: `evaluate-v1.1.py` (Rajpurkar et al. 2016). MLQA: `mlqa_evaluation_v1.py` (Lewis et
al. 2020), which drops all Unicode punctuation and each language's articles, and cuts Chinese
into characters. Their oddities are kept, for scores have to compare with published ones.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, Protocol

SQUAD = "squad"
"""Instead of a language: SQuAD v1.1's own normalisation (English, ASCII punctuation)."""

_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    # MLQA's pattern removes the letters alif-lam wherever they stand; its first branch
    # ("^" after a character) can never match and is left out.
    "ar": "ال",
}
_CHINESE = re.compile(r"([\u4e00-\u9fa5])")


class QuestionLike(Protocol):
    """What is scored of a question."""

    @property
    def answer_texts(self) -> Sequence[str]:
        """The right answers; the best match counts."""
        ...


class QaScores(NamedTuple):
    """Per question, in order, each 0..1: exact match and F1. Their means are the scores."""

    exact_match: list[float]
    f1: list[float]


@cache
def _punctuation() -> frozenset[str]:
    # ASCII's `string.punctuation` has symbols ($ + < = > ^ ` | ~) that are not in P*.
    unicode = (chr(i) for i in range(sys.maxunicode + 1))
    return frozenset(c for c in unicode if unicodedata.category(c)[0] == "P").union(
        string.punctuation
    )


def normalize_answer(text: str, language: str) -> str:
    """An answer reduced to what is compared: lower case, no punctuation, no articles.

    Args:
        text: The answer.
        language: `SQUAD`, or a BCP 47 language; only its first part counts. Languages that
            MLQA lacks have no articles and are cut at white space.
    """
    lowered = text.lower()
    if language == SQUAD:
        language, dropped = "en", frozenset(string.punctuation)
    else:
        language, dropped = language.lower().split("-")[0], _punctuation()
    bare = "".join(c for c in lowered if c not in dropped)
    if pattern := _ARTICLES.get(language):
        bare = re.sub(pattern, " ", bare)
    if language == "zh":
        bare = _CHINESE.sub(r" \1 ", bare)
    return " ".join(bare.split())


def exact_match(prediction: str, answer: str, language: str) -> float:
    """1.0 where both are the same once normalised."""
    return float(normalize_answer(prediction, language) == normalize_answer(answer, language))


def f1(prediction: str, answer: str, language: str) -> float:
    """The F1 of the two bags of normalised tokens; 0.0 without a common token, even if empty."""
    predicted = normalize_answer(prediction, language).split()
    gold = normalize_answer(answer, language).split()
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold)) if common else 0.0


def qa_scores(
    questions: Sequence[QuestionLike], predictions: Sequence[str | None], language: str
) -> QaScores:
    """Score predictions, one a question in their order: ids may be shared, as MLQA's are.

    A question without a prediction scores 0, as officially.
    """

    def best(metric: Callable[[str, str, str], float]) -> list[float]:
        return [
            0.0
            if prediction is None
            else max(metric(prediction, answer, language) for answer in question.answer_texts)
            for question, prediction in zip(questions, predictions, strict=True)
        ]

    return QaScores(best(exact_match), best(f1))
