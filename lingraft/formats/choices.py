"""Multiple choice: Belebele, XCOPA and XStoryCloze with what they are trained on; own lines.

No format adds a word to the texts: what is English in training would be English in the test.
"""

from collections.abc import Iterator
from typing import Any, cast

from lingraft.formats.classlabels import ClassName
from lingraft.formats.examples import Choice, OtherLanguage
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.languages import same_language
from lingraft.formats.quoted import line_rows
from lingraft.formats.rows import Row, text_of, whole_number
from lingraft.formats.tables import csv_rows, table_rows
from lingraft.formats.wanted import NO_LABEL, Wanted

_OWN = '{"context" or "question" or both, "choices": [...], "label": 0, 1 ...}'
_BELEBELE = "flores_passage, question, mc_answer1 to mc_answer4, correct_answer_num"
_ASSEMBLED = ("passage", "question", "answer1", "answer2", "answer3", "answer4")
_RACE = "article, question, options, answer"
_COPA = "premise, choice1, choice2, question (cause or effect), label (0 or 1)"
_SIQA = "context, question, answerA, answerB, answerC, label (1, 2 or 3)"
_STORY = (
    *(f"InputSentence{i}" for i in range(1, 5)),
    *(f"RandomFifthSentenceQuiz{i}" for i in (1, 2)),
    "AnswerRightEnding",
)
_EXPORTED_STORY = (
    *(f"input_sentence_{i}" for i in range(1, 5)),
    *(f"sentence_quiz{i}" for i in (1, 2)),
    "answer_right_ending",
)


def own(row: Row, wanted: Wanted) -> Choice:
    """`{context and question, or one of them, choices: [...], label}`, the label from 0.

    Raises:
        UnusableRowError: a missing or wrong field, or two choices that are one.
    """
    del wanted
    context, question = _optional(row, "context", _OWN), _optional(row, "question", _OWN)
    if not context and not question:
        raise row.unusable("context", "is missing, and so is a question", _OWN)
    choices = _list(row, "choices", _OWN)
    if len({one.strip() for one in choices}) < len(choices):
        raise row.unusable("choices", "holds the same text twice", _OWN)
    right = _number(row, "label", len(choices), _OWN)
    return Choice(context, question, choices, right)


def reading_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of Belebele and RACE (RACE's .txt too), or of Belebele's training set (.tsv).

    An article of RACE as it is published holds several questions: each is a row.

    Raises:
        UserError: it is none of them.
    """
    if kind_of(file.name) == ".tsv":
        yield from csv_rows(file, "\t")
        return
    for row in table_rows(file):
        lists = [row.value(name) for name in ("questions", "options", "answers")]
        if not all(isinstance(one, list) for one in lists):
            yield row
            continue
        for question, options, answer in zip(*cast(list[list[Any]], lists), strict=False):
            own = {"question": question, "options": options, "answer": answer}
            yield Row(row.place, {"article": row.value("article"), **own})


def reading(row: Row, wanted: Wanted) -> Choice | OtherLanguage:
    """A question on a passage: of Belebele, of its training set, or of RACE.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    dialect = row.value("dialect")
    if dialect is not None and not same_language(str(dialect), wanted.language):
        return OtherLanguage(str(dialect))
    if "article" in row.fields:
        choices = _list(row, "options", _RACE)
        right = _letter(row, "answer", len(choices), _RACE)
        return Choice(text_of(row, "article", _RACE), _optional(row, "question", _RACE),
                      choices, right)  # fmt: skip
    whole = "flores_passage" in row.fields or "passage" not in row.fields
    passage, answer = ("flores_passage", "mc_answer") if whole else ("passage", "answer")
    expected = _BELEBELE if whole else f"{', '.join(_ASSEMBLED)}, correct_answer_num"
    return Choice(
        text_of(row, passage, expected),
        text_of(row, "question", expected),
        tuple(text_of(row, f"{answer}{i}", expected) for i in range(1, 5)),
        _number(row, "correct_answer_num", 4, expected, first=1),
    )


def causes(row: Row, wanted: Wanted) -> Choice:
    """A premise and its likelier cause or effect (XCOPA, COPA); or a row of SocialIQA.

    What comes first stands first: a cause before its premise, an effect behind it. So the question
    needs no words.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    if "answerA" in row.fields:
        return Choice(
            text_of(row, "context", _SIQA),
            text_of(row, "question", _SIQA),
            tuple(text_of(row, f"answer{letter}", _SIQA) for letter in "ABC"),
            _number(row, "label", 3, _SIQA, first=1),
        )
    asked = row.value("question")
    if asked not in ("cause", "effect"):
        state = "is missing" if asked is None else f"is {repr(asked)[:40]}"
        raise row.unusable("question", state, _COPA)
    names = ("choice1", "choice2")
    choices = tuple(text_of(row, name, _COPA) for name in names)
    label = row.value("label")  # which may be a name, where `datasets` keeps it as one's number
    right = names.index(label) if label in names else _number(row, "label", 2, _COPA)
    return Choice(text_of(row, "premise", _COPA), "", choices, right, leads=asked == "cause")


def story_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of XStoryCloze (.tsv), of StoryCloze (.csv), or of their export.

    Raises:
        UserError: it is none of them.
    """
    if kind_of(file.name) == ".tsv":
        return line_rows(file, _STORY, _EXPORTED_STORY)
    return table_rows(file)


def story(row: Row, wanted: Wanted) -> Choice:
    """Four sentences, and the two that may be the fifth.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    names = _EXPORTED_STORY if _EXPORTED_STORY[0] in row.fields else _STORY
    *sentences, first, second, answer = names
    expected = "four sentences, two endings, and 1 or 2 for the right one"
    return Choice(
        " ".join(text_of(row, name, expected).strip() for name in sentences),
        "",
        (text_of(row, first, expected), text_of(row, second, expected)),
        _number(row, answer, 2, expected, first=1),
    )


def _optional(row: Row, name: str, expected: str) -> str:
    """A text that may be missing, null or empty."""
    return "" if row.value(name) in (None, "") else text_of(row, name, expected)


def _list(row: Row, name: str, expected: str) -> tuple[str, ...]:
    value = row.value(name)
    if not isinstance(value, list):
        state = "is missing" if value is None else "is no list"
        raise row.unusable(name, state, expected)
    texts = cast(list[Any], value)
    if len(texts) < 2:
        raise row.unusable(name, "must hold two texts or more", expected)
    one = row.column(name)
    rows = [row._replace(fields={f"{one}[{i}]": text}) for i, text in enumerate(texts)]
    return tuple(text_of(part, next(iter(part.fields)), expected) for part in rows)


def _number(row: Row, name: str, count: int, expected: str, *, first: int = 0) -> int:
    """A number of `count`, which is written from `first` on, as one from 0."""
    value = row.value(name)
    number = whole_number(value)
    if isinstance(value, ClassName):
        number = value.number + first
    elif isinstance(value, str) and value.strip().removesuffix(".0").isdecimal():
        number = int(value.strip().removesuffix(".0")[:9])  # pandas writes 1.0 beside gaps
    if number is not None and first <= number < first + count:
        return number - first
    if value is None or value == "":
        raise row.unusable(name, "is missing", expected)
    if str(value) == NO_LABEL:
        raise row.unusable(name, "is -1, which stands for none", expected)
    state = f"is {repr(value)[:40]}, which is none of {first} to {first + count - 1}"
    raise row.unusable(name, state, expected)


def _letter(row: Row, name: str, count: int, expected: str) -> int:
    """`A`, `B` ... as a number from 0."""
    value = row.value(name)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]
    if isinstance(value, str) and len(value.strip()) == 1 and value.strip() in letters:
        return letters.index(value.strip())
    state = "is missing" if value is None else f"is {repr(value)[:40]}, none of {letters}"
    raise row.unusable(name, state, expected)
