"""Your own data as JSON Lines: classification, sentence pairs, parallel sentences."""

from collections.abc import Iterator
from pathlib import Path

from lingraft.formats.examples import Example, ParallelPair
from lingraft.formats.files import Row, jsonl_rows, text_of

_CLASSIFICATION = '{"text", "label"[, "group"]}'
_PAIRS = '{"text", "textPair", "label"[, "group"]}'
_RETRIEVAL = '{"source", "target"}'


def read_classification(files: list[Path], language: str) -> Iterator[tuple[str, Example]]:
    """`{text, label[, group]}` a line: place and example.

    Raises:
        UserError: a missing or wrong field.
    """
    del language
    for row in (row for file in files for row in jsonl_rows(file)):
        text, label = text_of(row, "text", _CLASSIFICATION), _name(row, "label", _CLASSIFICATION)
        yield row.place, Example(text, None, label, _group(row))


def read_pairs(files: list[Path], language: str) -> Iterator[tuple[str, Example]]:
    """`{text, textPair, label[, group]}` a line: place and example.

    Raises:
        UserError: a missing or wrong field.
    """
    del language
    for row in (row for file in files for row in jsonl_rows(file)):
        first, second = text_of(row, "text", _PAIRS), text_of(row, "textPair", _PAIRS)
        yield row.place, Example(first, second, _name(row, "label", _PAIRS), _group(row))


def read_retrieval(files: list[Path], language: str) -> Iterator[tuple[str, ParallelPair]]:
    """`{source, target}` a line: place and pair.

    Raises:
        UserError: a missing or wrong field.
    """
    del language
    for row in (row for file in files for row in jsonl_rows(file)):
        source, target = text_of(row, "source", _RETRIEVAL), text_of(row, "target", _RETRIEVAL)
        yield row.place, ParallelPair(source, target)


def _name(row: Row, field: str, expected: str) -> str:
    """A label or group: a string, or a whole number, which is taken as one."""
    value = row.fields.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(row, field, f"{expected}; {field} a string or a whole number")


def _group(row: Row) -> str | None:
    if row.fields.get("group") is None:
        return None
    return _name(row, "group", "a name")
