"""Extractive question answering: SQuAD v1.1 and MLQA as published, and plain JSON Lines."""

from collections.abc import Iterator
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.formats.beginning import whole_paragraphs
from lingraft.formats.examples import Answer, OtherLanguage, Question
from lingraft.formats.files import TaskFile, kind_of, lines_of, text_of_file
from lingraft.formats.languages import same_language
from lingraft.formats.rows import Row, optional_name, parsed, text_of, whole_number
from lingraft.formats.tables import table_rows
from lingraft.formats.wanted import Wanted

_NESTED = (
    'expected SQuAD 1.1\'s {"data": [{"paragraphs": [{"context", "qas": [{"id", "question", '
    '"answers": [{"text", "answer_start"}]}]}]}]}'
)
_PLAIN = '{"context", "question", "answers": {"text": [...], "answer_start": [...]}}'
_TYDI = {
    "arabic": "ar", "bengali": "bn", "english": "en", "finnish": "fi", "indonesian": "id",
    "korean": "ko", "russian": "ru", "swahili": "sw", "telugu": "te",
}  # fmt: skip
"""TyDiQA-GoldP holds all its languages in one file, and names them in the ids."""


def nested_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of SQuAD v1.1's nested JSON, which MLQA and XQuAD share: one a question.

    Also of what `datasets` exports of them, which is a table.

    Raises:
        UserError: not that JSON.
    """
    if kind_of(file.name) != ".json" or _is_flat(file):
        yield from table_rows(file)
        return
    text = text_of_file(file)
    if file.cut:
        text = whole_paragraphs(text)
        if not text:
            return
    value = parsed(text, file.name, _NESTED, whole_file=True)
    if not isinstance(value, dict):
        raise UserError(f"not an object; {_NESTED}", where=file.name)
    for article in _items(Row(file.name, cast(dict[str, Any], value)), "data"):
        for paragraph in _items(article, "paragraphs"):
            for qa in _items(paragraph, "qas"):
                context = {"context": paragraph.fields.get("context")}
                yield Row(qa.place, {**qa.fields, **context})


def _is_flat(file: TaskFile) -> bool:
    """Whether the JSON has an object a line: the first ends where its line does."""
    _, first = next(iter(lines_of(file)), ("", ""))
    return first.rstrip().endswith("}") and '"paragraphs"' not in first


def _items(row: Row, name: str) -> Iterator[Row]:
    # Places inside nested JSON read as its path: `file: data[0].paragraphs[2]`.
    value = row.value(name)
    if not isinstance(value, list):
        raise UserError(f"the list '{name}' is missing; {_NESTED}", where=row.place)
    joint = "." if ": " in row.place else ": "
    for index, item in enumerate(cast(list[Any], value)):
        place = f"{row.place}{joint}{name}[{index}]"
        if not isinstance(item, dict):
            raise UserError(f"not an object; {_NESTED}", where=place)
        yield Row(place, cast(dict[str, Any], item))


def published(row: Row, wanted: Wanted) -> Question | OtherLanguage:
    """A question of SQuAD, MLQA or XQuAD.

    Where an answer is not at its offset, which nobody checked, it is taken to be where its text
    stands nearest to it. One whose text stands nowhere can be scored but not trained on.

    Raises:
        UnusableRowError: a missing or wrong field; of training data also a first answer that
            the context does not hold.
        UserError: a question without an answer (SQuAD 2.0's).
    """
    language = _TYDI.get(str(row.value("id")).partition("-")[0])
    if language and not same_language(language, wanted.language):
        return OtherLanguage(language)
    found = _question(row, "a question of SQuAD 1.1")
    answers = tuple(_placed(answer, found.context) for answer in found.answers)
    if wanted.purpose == "train" and answers[0].start is None:
        raise row.unusable("answers", "has a text that the context lacks", "a part of the context")
    return Question(found.id, found.question, found.context, answers)


def own(row: Row, wanted: Wanted) -> Question:
    """`{context, question, answers: {text: [...], answer_start: [...]}[, id]}`.

    Raises:
        UnusableRowError: a missing or wrong field, or an answer that is not where it says.
        UserError: a question without an answer.
    """
    del wanted
    found = _question(row, _PLAIN)
    for answer in found.answers:
        if _placed(answer, found.context) != answer:
            state = f"has '{answer.text}', which is not at character {answer.start}"
            raise row.unusable("answers", state, "answer_start to count characters from 0")
    return found


def _question(row: Row, expected: str) -> Question:
    texts, starts = _lists(row)
    context, question = text_of(row, "context", expected), text_of(row, "question", expected)
    answers: list[Answer] = []
    for text, start in zip(texts, starts, strict=True):
        number = whole_number(start)
        if number is None:
            raise row.unusable("answer_start", f"is {start!r}", "a number from 0")
        raw = text_of(row._replace(fields={"answers.text": text}), "answers.text", expected)
        answers.append(Answer(raw.strip(), number + len(raw) - len(raw.lstrip())))
    return Question(optional_name(row, "id") or "", question, context, tuple(answers))


def _placed(answer: Answer, context: str) -> Answer:
    """The answer where its text stands nearest to its start."""
    start = max(0, answer.start or 0)
    after = context.find(answer.text, start)
    before = context.rfind(answer.text, 0, start + len(answer.text))
    found = [place for place in (after, before) if place >= 0]
    return Answer(answer.text, min(found, key=lambda p: abs(p - start)) if found else None)


def _lists(row: Row) -> tuple[list[Any], list[Any]]:
    """The answers' texts and starts, given as two lists (`datasets`) or as objects (SQuAD)."""
    answers = row.value("answers")
    if isinstance(answers, dict):
        both = cast(dict[str, Any], answers)
        texts, starts = both.get("text"), both.get("answer_start")
    elif isinstance(answers, list) and all(isinstance(a, dict) for a in cast(list[Any], answers)):
        each = cast(list[dict[str, Any]], answers)
        texts, starts = [a.get("text") for a in each], [a.get("answer_start") for a in each]
    else:
        state = "is missing" if answers is None else "is no list of answers"
        raise row.unusable("answers", state, _PLAIN)
    if not isinstance(texts, list) or not isinstance(starts, list):
        raise row.unusable("answers", "must hold two lists", _PLAIN)
    pair = cast(list[Any], texts), cast(list[Any], starts)
    if len(pair[0]) != len(pair[1]):
        raise row.unusable("answers", "must hold two lists of equal length", _PLAIN)
    if not pair[0]:
        message = "a question needs at least one answer (SQuAD 2.0 has some without: use 1.1)"
        raise UserError(message, where=row.place)
    return pair
