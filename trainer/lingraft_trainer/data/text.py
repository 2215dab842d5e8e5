"""Read text of any size: files -> documents of paragraphs, in (file, offset) order.

`.txt` (a line is a paragraph, a blank line ends a document), `.jsonl` (a row is a document) and
`.parquet` and `.arrow` (likewise), each plain or compressed. Nothing is held in memory but a
document (a compressed file of columns is decompressed as a whole).
"""

import bz2
import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lingraft.errors import UserError
from lingraft.selection import selected
from lingraft.sources import local_keys
from lingraft.text_names import text_name
from lingraft_trainer.data.clean import Cleaner

DOCUMENT = 1 << 16
"""Characters after which a document without an end is cut, between paragraphs: a file of lines
without blank lines is not one document."""
ARROW_FILE = b"ARROW1"
HOPELESS = 1_000
"""Unusable rows after which a file is given up, if they are most of its rows so far."""


@dataclass(frozen=True)
class TextFile:
    """One file of a corpus: where it is, what the user calls it, how it is written."""

    path: str
    name: str
    format: str
    codec: str | None
    bytes: int


def text_files(source: Path) -> list[TextFile]:
    """The text files of a directory (or the one file), ordered by name.

    Raises:
        UserError: There are none.
    """
    found: list[TextFile] = []
    for key in selected(local_keys(source), "text", source.name):
        path = source / key if key else source
        name = text_name(path.name)
        assert name is not None  # or it would not be selected
        size = path.stat().st_size
        found.append(TextFile(str(path), key or source.name, name.format, name.codec, size))
    if not found:
        raise UserError("there is nothing in it; give a file with text", where="corpus")
    return sorted(found, key=lambda file: file.name)


@dataclass
class Tally:
    """What was read: rows (of `.txt`, lines that are not blank), and those left out."""

    rows: int = 0
    unusable: int = 0
    where: str | None = None
    """Of the first of those, `file:line`."""
    why: str | None = None
    """What is wrong with it."""

    def leave_out(self, where: str, why: str) -> None:
        """Count a row that cannot be used.

        Raises:
            UserError: There is no hope for the file.
        """
        self.unusable += 1
        if self.where is None:
            self.where, self.why = where, why
        if self.unusable > HOPELESS and 2 * self.unusable > self.rows:
            raise self.error()

    def add(self, other: "Tally") -> None:
        """Count what another one counted, of a later file."""
        self.rows += other.rows
        self.unusable += other.unusable
        if self.where is None:
            self.where, self.why = other.where, other.why

    def error(self) -> UserError:
        """Too many rows are unusable."""
        return UserError(
            f"{self.why}; {self.unusable:,} of {self.rows:,} rows are so or otherwise unusable, "
            "and at most 1 % are left out",
            where=self.where or "",
        )


def read_documents(
    file: TextFile, clean: Cleaner, tally: Tally, field: str = "text"
) -> Iterator[list[str]]:
    """The documents of one file: lists of clean, non-empty paragraphs.

    Args:
        file: The file.
        clean: Applied to each paragraph.
        tally: Counts the rows.
        field: Of `.jsonl` and `.parquet`, the one with the text.

    Raises:
        UserError: A broken archive, no such column, or hardly a row that can be used.
    """
    reader = {"txt": _txt, "jsonl": _jsonl, "parquet": _parquet, "arrow": _arrow}[file.format]
    try:
        for raw in reader(file, tally, field):
            paragraphs = [p for p in map(clean, raw) if p]
            yield from _cut(paragraphs)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"cannot be read: {reason}", where=file.name) from error


def _cut(paragraphs: list[str]) -> Iterator[list[str]]:
    document: list[str] = []
    size = 0
    for paragraph in paragraphs:
        document.append(paragraph)
        size += len(paragraph)
        if size >= DOCUMENT:
            yield document
            document, size = [], 0
    if document:
        yield document


def _open(file: TextFile) -> Any:
    if file.codec == "xz":
        return lzma.open(file.path)
    if file.codec == "bz2":
        return bz2.open(file.path)
    raw = pa.OSFile(file.path)
    return pa.CompressedInputStream(raw, file.codec) if file.codec else raw


def _lines(file: TextFile, tally: Tally) -> Iterator[tuple[str, str]]:
    """(`file:line`, line) of every line that is UTF-8; the others are left out."""
    offset = 0
    with _open(file) as raw:
        for number, line in enumerate(io.BufferedReader(raw, 1 << 20), 1):
            where = f"{file.name}:{number}"
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                tally.rows += 1
                # In the decompressed file.
                at = f"not UTF-8 at byte {offset + error.start}"
                tally.leave_out(where, f"{at}: convert the file to UTF-8")
            else:
                yield where, text
            offset += len(line)


def _txt(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    document: list[str] = []
    size = 0
    for _, line in _lines(file, tally):
        if line.strip():
            tally.rows += 1
            document.append(line)
            size += len(line)
            if size < DOCUMENT:
                continue
        if document:
            yield document
            document, size = [], 0
    if document:
        yield document


def _jsonl(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    for where, line in _lines(file, tally):
        if not line.strip("\ufeff \t\r\n"):
            continue
        tally.rows += 1
        try:
            row: Any = json.loads(line.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            tally.leave_out(where, f"not JSON ({reason}): each line is one object")
            continue
        text = row.get(field) if isinstance(row, dict) else None
        if isinstance(text, str):
            yield text.splitlines()
        else:
            tally.leave_out(where, _no_text(field, list(row) if isinstance(row, dict) else []))


def _no_text(field: str, others: list[str]) -> str:
    have = f", only {', '.join(map(str, others[:8]))}: set textField" if field not in others else ""
    return f'the row has no field "{field}" with a string in it{have if others else ""}'


def _parquet(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    if file.codec:
        with _open(file) as stream:
            table = pq.ParquetFile(pa.BufferReader(stream.read()))
    else:
        table = pq.ParquetFile(file.path)
    with table:
        _check_column(file, table.schema_arrow, field)
        for batch in table.iter_batches(batch_size=256, columns=[field]):
            yield from _column(file, batch.column(0), tally, field)


def _arrow(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    """A file of Arrow's, as a stream (which `datasets` writes) or with an index at its end."""
    with _open(file) as stream:
        source = pa.BufferReader(stream.read()) if file.codec else pa.memory_map(file.path)
    with source:
        indexed = source.read(len(ARROW_FILE)) == ARROW_FILE
        source.seek(0)
        reader: Any = pa.ipc.open_file(source) if indexed else pa.ipc.open_stream(source)
        _check_column(file, reader.schema, field)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if indexed else reader
        for batch in batches:
            yield from _column(file, batch.column(field), tally, field)


def _check_column(file: TextFile, schema: Any, field: str) -> None:
    if field not in schema.names or not _strings(schema.field(field).type):
        raise UserError(
            f'it has no column "{field}" of strings, only {", ".join(schema.names)}: set textField',
            where=file.name,
        )


def _column(file: TextFile, column: Any, tally: Tally, field: str) -> Iterator[list[str]]:
    for text in column.to_pylist():
        tally.rows += 1
        if text is None:
            tally.leave_out(f"{file.name}:{tally.rows}", f'the row has no "{field}"')
        else:
            yield text.splitlines()


def _strings(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())
