"""Rows of a table, however it is written: JSON Lines, CSV, TSV, Parquet, Arrow."""

import csv
from collections.abc import Iterator
from typing import Any

from lingraft.errors import UserError
from lingraft.formats.columnar import columnar_rows
from lingraft.formats.files import TaskFile, kind_of, lines_of
from lingraft.formats.rows import Row, jsonl_rows, tsv_rows

SUFFIXES = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow")


def table_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of a file of SUFFIXES; one of another name is taken for JSON Lines.

    Raises:
        UserError: it is not what its name says.
        NotHereError: the library for it is not here.
    """
    match kind_of(file.name):
        case ".csv":
            return csv_rows(file)
        case ".tsv":
            return tsv_rows(file)
        case ".parquet" | ".arrow":
            return columnar_rows(file)
        case _:
            return jsonl_rows(file)


def csv_rows(file: TaskFile, delimiter: str = ",") -> Iterator[Row]:
    """Rows of comma-separated values under a header, quoted as RFC 4180 says.

    Raises:
        UserError: no header, a column twice, quotes that do not close, or a row that does not
            fit the header.
    """
    lines = _Lines(file)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        place = lines.next_place
        try:
            values = next(rows, None)
        except csv.Error as error:
            if file.cut:  # in the middle of a quoted field
                return
            message = f"not CSV ({error}); write it again, with quotes around texts"
            raise UserError(message, where=place) from error
        if values is None:
            return
        if not values:
            continue
        if header is None:
            header = [name.strip() for name in values]
            if twice := next((name for name in header if header.count(name) > 1), ""):
                message = f"the column '{twice}' is there twice; leave one of them"
                raise UserError(message, where=place)
            continue
        if len(values) != len(header):
            separated = "tab" if delimiter == "\t" else "comma"
            message = f"expected {len(header)} {separated}-separated columns as in the header"
            raise UserError(f"{message}, found {len(values)}", where=place)
        fields: dict[str, Any] = dict(zip(header, values, strict=True))
        yield Row(place, fields)


class _Lines:
    """A file's lines with their ends, and where the next of them stands."""

    def __init__(self, file: TaskFile) -> None:
        self._lines, self._name, self._number = lines_of(file), file.name, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        _, line = next(self._lines)
        self._number += 1
        return line + "\n"

    @property
    def next_place(self) -> str:
        """Of the next line."""
        return f"{self._name}:{self._number + 1}"
