"""Rows of task files, and their fields: a text, a label, each as it must be or with a sentence."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from lingraft.errors import UserError
from lingraft.formats.examples import UnusableRowError
from lingraft.formats.files import NOT_UTF8, TaskFile, lines_of

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BYTES = re.compile(r"[\udc80-\udcff]")  # what `lines_of` makes of bytes that are not UTF-8
_WHOLE = re.compile(r"-?[0-9]+\.0")
"""A whole number as pandas writes it in a column with gaps."""
_SURE_QUOTED = 8
"""Fields quoted as CSV does, before any that is not, after which a file is taken for CSV."""
EXACT = 2**53
"""Below it a float that is a whole number is that number."""


class Row(NamedTuple):
    """One row of a task file."""

    place: str
    """`file:line`, for errors."""
    fields: Mapping[str, Any]
    columns: Mapping[str, str] = MappingProxyType({})
    """Our name of a field to the file's, where they differ."""

    def column(self, name: str) -> str:
        """What the file calls a field."""
        return self.columns.get(name, name)

    def value(self, name: str) -> Any:
        """A field's value; None where there is none. `a.b` is b in the object a."""
        column = self.columns.get(name, name)
        if column in self.fields or "." not in column:
            return self.fields.get(column)
        found: Any = self.fields
        for part in column.split("."):
            found = cast(dict[str, Any], found).get(part) if isinstance(found, dict) else None
        return found

    def unusable(self, name: str, state: str, expected: str) -> UnusableRowError:
        """What is wrong with a field."""
        message = f"the field '{self.column(name)}' {state}; expected {expected}"
        if self.column(name) not in self.fields and self.fields:
            message += f"; the row has {', '.join(list(self.fields)[:8])}"
        return UnusableRowError(message, where=self.place)


def jsonl_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of JSON Lines; empty lines are skipped.

    Raises:
        UserError: a line that is not a JSON object.
    """
    for place, line in lines_of(file):
        if not line.strip():
            continue
        if line.lstrip()[:1] == "[":
            message = "expected a JSON object on every line (JSON Lines), and this is a list"
            raise UserError(message, where=place)
        value = parsed(line, place, "expected one object a line")
        if not isinstance(value, dict):
            raise UserError("expected a JSON object on every line", where=place)
        yield Row(place, cast(dict[str, Any], value))


def parsed(text: str, place: str, expected: str, *, whole_file: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        text: The JSON.
        place: Where it stands: `file:line`, or the file if it is all of it.
        expected: What it should be, for errors.
        whole_file: Whether it is all of its file.

    Raises:
        UserError: it is no JSON, or no JSON that can mean one thing only.
    """
    try:
        return _DECODER.decode(text)
    except _TwiceError as error:
        message = f"the key '{error}' stands twice in one object; leave one of them"
        raise UserError(message, where=place) from error
    except json.JSONDecodeError as error:
        if _BYTES.search(text):
            raise UserError(NOT_UTF8, where=place) from error
        line = f"{place}:{error.lineno}" if whole_file else place
        message = f"not JSON ({error.msg} at column {error.colno}); {expected}"
        raise UserError(message, where=line) from error
    except RecursionError as error:
        raise UserError(f"this JSON is nested too deeply; {expected}", where=place) from error
    except ValueError as error:  # Python reads no number of over 4,300 digits
        raise UserError(f"a number has too many digits; {expected}", where=place) from error


class _TwiceError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


class Bare(NamedTuple):
    """Columns of a table without a header, the last of which holds one of these labels."""

    columns: Sequence[str]
    labels: Sequence[str]


def tsv_rows(file: TaskFile, *choices: Sequence[str], bare: Bare | None = None) -> Iterator[Row]:
    """Rows of tab-separated values under a header; quotes are ordinary characters.

    A row may be shorter than the header (MultiNLI leaves out trailing annotator labels) as
    long as the required columns are there. Spaces around a column's name count for nothing.

    Args:
        file: The file.
        choices: Columns that are required: those of the first choice that is there. None: any.
        bare: What its columns are if the first line is a row of these and no header.

    Raises:
        UserError: no header, a required column missing or there twice, a row that does not fit,
            or fields quoted as CSV does.
    """
    lines = lines_of(file)
    place, first = next(lines, (file.name, ""))
    if not first and file.cut:  # the header itself
        return
    header = [name.strip() for name in first.split("\t")]
    if bare and len(header) == len(bare.columns) and header[-1] in bare.labels:
        header, lines, choices = list(bare.columns), chain([(place, first)], lines), ()
    there = (names for names in choices if set(names) <= set(header))
    required = next(there, choices[0] if choices else ())
    expected = f"expected a header line with the tab-separated columns {', '.join(required)}"
    for name in required:
        if name not in header:
            raise UserError(f"the column '{name}' is missing; {expected}", where=place)
    if twice := next((name for name in header if header.count(name) > 1 and name), ""):
        raise UserError(f"the column '{twice}' is there twice; leave one of them", where=place)
    needed = 1 + max((header.index(name) for name in required), default=0)
    quotes = _Quotes()
    for place, line in lines:
        if not line.strip():
            continue
        values = line.split("\t")
        if not needed <= len(values) <= len(header):
            message = f"expected {len(header)} tab-separated columns as in the header"
            raise UserError(f"{message}, found {len(values)}", where=place)
        if '"' in line:
            quotes.look(values, place)
        yield Row(place, dict(zip(header, values, strict=False)))
    quotes.judge()


class _Quotes:
    """Tells a file whose fields are quoted as CSV does from one with quotes in its sentences."""

    def __init__(self) -> None:
        self._quoted, self._plain, self._first = 0, False, ""

    def look(self, values: Sequence[str], place: str) -> None:
        if self._plain:
            return
        for value in values:
            inner = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else None
            if inner is None or '"' in inner.replace('""', ""):
                self._plain = self._plain or '"' in value
            elif '""' in inner:
                self._quoted += 1
                self._first = self._first or place
        if self._quoted >= _SURE_QUOTED:
            self.judge()

    def judge(self) -> None:
        if self._quoted and not self._plain:
            message = "the fields are quoted as in CSV, but quotes are ordinary characters here; "
            message += "write the file without quoting, or as JSON Lines"
            raise UserError(message, where=self._first)


def text_of(row: Row, name: str, expected: str) -> str:
    """A field that must be a string with something in it; control characters become spaces.

    A tokenizer that drops them would join two words.

    Raises:
        UnusableRowError: it is missing, not a string, blank, or no Unicode.
    """
    value = row.value(name)
    if isinstance(value, str) and (text := readable(row, name, value, expected)).strip():
        return text
    state = "must be a string that is not empty"
    if value is None:
        state = "is null" if row.column(name) in row.fields else "is missing"
    raise row.unusable(name, state, expected)


def readable(row: Row, name: str, value: str, expected: str) -> str:
    """A string with spaces for control characters.

    Raises:
        UnusableRowError: it is no Unicode.
    """
    text = _CONTROLS.sub(" ", value)
    if _SURROGATES.search(text):
        state = NOT_UTF8 if _BYTES.search(text) else "half of a surrogate pair stands in it"
        raise row.unusable(name, f"cannot be read: {state}", expected)
    return text


def whole_number(value: Any) -> int | None:
    """An int, or a float that is one (pandas writes ints beside gaps so); else None."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def name_of(row: Row, name: str, expected: str) -> str:
    """A label or a name: a string, without spaces at its ends, or a whole number taken as one.

    Raises:
        UnusableRowError: it is neither.
    """
    value = row.value(name)
    number = whole_number(value)
    if number is not None:
        return str(number)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return value.strip().removesuffix(".0")
    if not isinstance(value, str | None):
        said = f"is {value}" if isinstance(value, bool | float) else "must be a string"
        raise row.unusable(name, said, f"a string or a whole number in {expected}")
    return text_of(row, name, expected).strip()


def optional_name(row: Row, name: str) -> str | None:
    """A name that may be missing."""
    value = row.value(name)
    blank = value is None or (isinstance(value, str) and not value.strip())
    return None if blank else name_of(row, name, "a name")
