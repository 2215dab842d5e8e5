"""Extractive question answering: SQuAD v1.1 and MLQA as published, and plain JSON Lines."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.formats.examples import Answer, Question
from lingraft.formats.files import Row, jsonl_rows, text_of

_NESTED = (
    'expected SQuAD 1.1\'s {"data": [{"paragraphs": [{"context", "qas": [{"id", "question", '
    '"answers": [{"text", "answer_start"}]}]}]}]}'
)
_PLAIN = 'expected {"context", "question", "answers": {"text": [...], "answer_start": [...]}}'


def read_squad(files: list[Path], language: str) -> Iterator[tuple[str, Question]]:
    """SQuAD v1.1 or MLQA (`test-context-fr-question-fr.json`): place and question.

    Answer offsets are given as published, unchecked.

    Raises:
        UserError: not that JSON, or a question without an answer (SQuAD 2.0's).
    """
    del language
    for file in files:
        for article in _items(Row(str(file), _json_object(file)), "data"):
            for paragraph in _items(article, "paragraphs"):
                context = text_of(paragraph, "context", _NESTED)
                for qa in _items(paragraph, "qas"):
                    answers = tuple(_answer(a) for a in _items(qa, "answers"))
                    if not answers:
                        message = "a question without an answer (SQuAD 2.0); use version 1.1"
                        raise UserError(message, where=qa.place)
                    identity = text_of(qa, "id", _NESTED)
                    question = text_of(qa, "question", _NESTED)
                    yield qa.place, Question(identity, question, context, answers)


def read_qa_jsonl(files: list[Path], language: str) -> Iterator[tuple[str, Question]]:
    """`{context, question, answers: {text: [...], answer_start: [...]}[, id]}`: place, question.

    Raises:
        UserError: a missing or wrong field, or an answer that is not where it says.
    """
    del language
    for number, row in enumerate(row for file in files for row in jsonl_rows(file)):
        context = text_of(row, "context", _PLAIN)
        answers = _parallel_answers(row)
        for answer in answers:
            if context[answer.start : answer.start + len(answer.text)] != answer.text:
                message = (
                    f"the answer '{answer.text}' is not at character {answer.start} of the "
                    "context; answer_start counts characters from 0"
                )
                raise UserError(message, where=row.place)
        identity = str(row.fields.get("id", number))
        yield row.place, Question(identity, text_of(row, "question", _PLAIN), context, answers)


def _json_object(file: Path) -> dict[str, Any]:
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        value: Any = json.loads(raw.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        message = f"not JSON ({error.msg}); {_NESTED}"
        raise UserError(message, where=f"{file}:{error.lineno}") from error
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise UserError(f"not UTF-8 JSON text; {_NESTED}", where=str(file)) from error
    if not isinstance(value, dict):
        raise UserError(f"not an object; {_NESTED}", where=str(file))
    return cast(dict[str, Any], value)


def _items(row: Row, name: str) -> Iterator[Row]:
    # Places inside nested JSON read as its path: `file: data[0].paragraphs[2]`.
    value = row.fields.get(name)
    if not isinstance(value, list):
        raise UserError(f"the list '{name}' is missing; {_NESTED}", where=row.place)
    joint = "." if ": " in row.place else ": "
    for index, item in enumerate(cast(list[Any], value)):
        place = f"{row.place}{joint}{name}[{index}]"
        if not isinstance(item, dict):
            raise UserError(f"not an object; {_NESTED}", where=place)
        yield Row(place, item)


def _answer(row: Row) -> Answer:
    start = row.fields.get("answer_start")
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise UserError(f"'answer_start' must be a number from 0; {_NESTED}", where=row.place)
    return Answer(text_of(row, "text", _NESTED), start)


def _parallel_answers(row: Row) -> tuple[Answer, ...]:
    answers = row.fields.get("answers")
    lists = cast(dict[str, Any], answers) if isinstance(answers, dict) else {}
    texts, starts = (cast(list[Any] | None, lists.get(key)) for key in ("text", "answer_start"))
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        message = f"'answers' must hold two lists of equal length; {_PLAIN}"
        raise UserError(message, where=row.place)
    if not texts:
        raise UserError("a question needs at least one answer", where=row.place)
    rows = (
        Row(row.place, {"text": text, "answer_start": start})
        for text, start in zip(texts, starts, strict=True)
    )
    return tuple(_answer(r) for r in rows)
