"""Sentences whose words are tagged: named entities (`ner`) and parts of speech (`pos`)."""

from collections.abc import Iterator, MutableMapping
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.formats.conll import FAULT, LINES, PLACED, word_rows
from lingraft.formats.examples import Tagged, UnusableRowError
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.rows import Row, optional_name, readable, whole_number
from lingraft.formats.tables import table_rows
from lingraft.formats.wanted import NO_LABEL, Wanted, check_label, name_at

TABLES = (".jsonl", ".json", ".ndjson", ".parquet", ".arrow")
"""Tables that can hold lists; in a .tsv stands one word a line."""
SUFFIXES = (*TABLES, ".txt", ".tsv", ".conll", ".conllu", ".bio", ".iob2", "")
"""Of the files of a folder. WikiANN's have none."""
_EXPECTED = '{"tokens": ["Ana", "slept"], "tags": ["B-PER", "O"]}'


def ner_rows(file: TaskFile) -> Iterator[Row]:
    """One row a sentence: of a table, or of one word a line."""
    return table_rows(file) if kind_of(file.name) in TABLES else word_rows(file, "ner")


def pos_rows(file: TaskFile) -> Iterator[Row]:
    """The same of parts of speech."""
    return table_rows(file) if kind_of(file.name) in TABLES else word_rows(file, "pos")


def tagged(row: Row, wanted: Wanted) -> Tagged:
    """`{tokens, tags[, group]}`.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    if fault := row.fields.get(FAULT):
        raise UnusableRowError(str(fault), where=row.place)
    if LINES in row.fields:
        row = row._replace(columns={})  # such a file calls nothing by a name
    tokens, tags = _list(row, "tokens"), _list(row, "tags")
    if len(tokens) != len(tags):
        state = f"has {len(tags)} for {len(tokens)} tokens"
        raise row.unusable("tags", state, f"as many, as in {_EXPECTED}")
    if not tokens:
        raise row.unusable("tokens", "is empty", _EXPECTED)
    return Tagged(
        tuple(_word(row, i, token) for i, token in enumerate(tokens)),
        tuple(_tag(row, i, tag, wanted) for i, tag in enumerate(tags)),
        optional_name(row, "group"),
    )


def _list(row: Row, name: str) -> list[Any]:
    value = row.value(name)
    if isinstance(value, list):
        return cast(list[Any], value)
    state = "is missing" if value is None else "is no list"
    raise row.unusable(name, state, _EXPECTED)


def _word(row: Row, number: int, token: Any) -> str:
    """A word as it is, blank ones too, for it has a tag; control characters become spaces."""
    if not isinstance(token, str):
        raise row.unusable("tokens", f"has {token!r}, which is no string", _EXPECTED)
    return readable(row._replace(place=_place(row, number)), "tokens", token, _EXPECTED)


def _tag(row: Row, number: int, value: Any, wanted: Wanted) -> str:
    """A tag; a whole number is the number of one of the task's names, if it has them."""
    whole = whole_number(value)
    tag = value.strip() if isinstance(value, str) else "" if whole is None else str(whole)
    none = (whole is not None and whole < 0) or tag == NO_LABEL
    if not tag or none:
        row = row._replace(place=_place(row, number))
        raise row.unusable("tags", f"has {value!r}, which is no tag", _EXPECTED)
    if whole is not None and tag not in wanted.names:
        tag = name_at(tag, wanted.names)
    return readable(row._replace(place=_place(row, number)), "tags", tag, _EXPECTED)


def _place(row: Row, number: int) -> str:
    """Where a word stands."""
    lines: list[str] | None = row.fields.get(LINES)
    return row.place if lines is None else lines[number]


def note_tags(row: Row, found: Tagged, wanted: Wanted, known: MutableMapping[str, str]) -> None:
    """Judge each tag where it first stands, and note that place.

    Args:
        row: What the sentence was read from.
        found: The sentence.
        wanted: Which tags there may be.
        known: Tag to its first place; changed in place.

    Raises:
        UserError: a tag that may not be there.
    """
    for number, tag in enumerate(found.tags):
        if tag not in known:
            known[tag] = _place(row, number)
            _check_tag(tag, wanted, known[tag])


def _check_tag(tag: str, wanted: Wanted, place: str) -> None:
    """Refuse a tag that may not be there.

    Of entities the types must have been trained on. A place in one (`I-LOC`) that was not can be
    scored all the same: what counts is the whole entity.

    Raises:
        UserError: the tag, and what may be there.
    """
    if wanted.format == "ner":
        if not PLACED.fullmatch(tag):
            message = f"the tag '{tag}' is of no entity; expected O, or B-, I-, E-, S-, L- or U- "
            message += "and a type, as in B-PER"
            if tag.isdecimal():
                message += " (if it is the number of one, name them in order: tasks[].labels)"
            raise UserError(message, where=place)
        if tag == "O" or tag[2:] in {one[2:] for one in wanted.trained or () if one != "O"}:
            return
    check_label(tag, wanted, place)
