"""Read text of any size: files -> documents of paragraphs, in (file, offset) order.

`.txt` (a line is a paragraph, a blank line ends a document), `.jsonl` (a row is a document) and
`.parquet` and `.arrow` (likewise), each plain or compressed. Nothing is held in memory but a
document (a compressed file of columns is decompressed as a whole).
"""

import bz2
import codecs
import io
import json
import lzma
import re
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
HEAD = 1 << 16
"""Bytes of a file that its encoding is told by."""
_END_OF_LINE, _LAST_END = re.compile(r"\r\n|\r|\n"), re.compile(r"(?:\r\n|\r|\n)\Z")
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
            f"{self.why}; of {self.rows:,} rows read {self.unusable:,} are unusable, and at most "
            "1 % are left out",
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
        lines = io.BufferedReader(raw, 1 << 20)
        _check_encoding(file, lines.peek(HEAD)[:HEAD])
        for number, line in enumerate(lines, 1):
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


def _check_encoding(file: TextFile, head: bytes) -> None:
    """Refuse text of two or four bytes a letter, most of which looks like UTF-8 with NULs."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        kind = "UTF-16 or UTF-32"
    elif 10 * head.count(0) > len(head):
        kind = "UTF-16 without its mark, or no text: a tenth of its beginning is NUL"
    else:
        return
    raise UserError(f"it is {kind}; convert the file to UTF-8", where=file.name)


def _txt(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    document: list[str] = []
    size = 0
    for line in (part for _, found in _lines(file, tally) for part in paragraphs_of(found)):
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


def paragraphs_of(text: str) -> list[str]:
    """A text's lines, whichever of the three ends of lines it has."""
    return _END_OF_LINE.split(_LAST_END.sub("", text))


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
            yield paragraphs_of(text)
        else:
            tally.leave_out(where, _no_text(field, list(row) if isinstance(row, dict) else []))


def _no_text(field: str, others: list[str]) -> str:
    # Names may be long, and hold what no file may: half a surrogate pair.
    names = ", ".join(ascii(name)[1:-1][:40] for name in others[:8])
    have = f", only {names}: set textField" if others and field not in others else ""
    return f'the row has no field "{field}" with a string in it{have}'


def _parquet(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    if file.codec:
        with _open(file) as stream:
            table = pq.ParquetFile(pa.BufferReader(stream.read()))
    else:
        table = pq.ParquetFile(file.path)
    with table:
        place = _place_of(file, table.schema_arrow, field)
        # By name it would be a path: `a.b` is also b in a.
        for batch in table.iter_batches(batch_size=256):
            yield from _column(file, batch.column(place), tally, field)


def _arrow(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    """A file of Arrow's, as a stream (which `datasets` writes) or with an index at its end."""
    with _open(file) as stream:
        source = pa.BufferReader(stream.read()) if file.codec else pa.memory_map(file.path)
    with source:
        indexed = source.read(len(ARROW_FILE)) == ARROW_FILE
        source.seek(0)
        reader: Any = pa.ipc.open_file(source) if indexed else pa.ipc.open_stream(source)
        place = _place_of(file, reader.schema, field)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if indexed else reader
        for batch in batches:
            yield from _column(file, batch.column(place), tally, field)


def _place_of(file: TextFile, schema: Any, field: str) -> int:
    """The number of the column with the text."""
    places = schema.get_all_field_indices(field)
    if not places:
        names = ", ".join(schema.names[:8])
        message = f'it has no column "{field}", only {names}: set textField'
    elif len(places) > 1:
        message = f'it has {len(places)} columns "{field}"; leave one of them'
    elif not _strings(kind := schema.field(places[0]).type):
        message = f'its column "{field}" is of type {kind}; expected strings'
    else:
        return places[0]
    raise UserError(message, where=file.name)


def _column(file: TextFile, column: Any, tally: Tally, field: str) -> Iterator[list[str]]:
    for cell in column:
        tally.rows += 1
        where = f"{file.name}:{tally.rows}"
        try:
            text = cell.as_py()
        except UnicodeDecodeError:
            tally.leave_out(where, f'its "{field}" is not UTF-8')
            continue
        if text is None:
            tally.leave_out(where, f'the row has no "{field}"')
        else:
            yield paragraphs_of(text)


def _strings(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())
