"""Read text of any size: files -> documents of paragraphs, in (file, offset) order.

`.txt` (a line is a paragraph, a blank line ends a document), `.jsonl` (a row is a document) and
`.parquet` and `.arrow` (likewise), each plain or compressed. Nothing is held in memory but a
document (a compressed file of columns is decompressed as a whole).
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from lingraft.errors import UserError
from lingraft.formats.codecs import BROKEN
from lingraft.text_looks import HEAD, fault_of
from lingraft_trainer.data.clean import Cleaner
from lingraft_trainer.data.columns import arrow, parquet
from lingraft_trainer.data.text_file import Tally, TextFile, no_text, opened, paragraphs_of

DOCUMENT = 1 << 16
"""Characters after which a document without an end is cut, between paragraphs: a file of lines
without blank lines is not one document."""
_WIKI_MARK = re.compile(r'<doc id="[^\n]*">\s*|</doc>\s*')
"""What WikiExtractor puts around an article."""


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
    readers = {"txt": _txt, "jsonl": _jsonl, "wiki": _wiki, "parquet": parquet, "arrow": arrow}
    reader = readers[file.format]
    try:
        for raw in reader(file, tally, field):
            paragraphs = [p for p in map(clean, raw) if p]
            yield from _cut(paragraphs)
    except (OSError, *BROKEN, pa.ArrowException) as error:
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


def _lines(file: TextFile, tally: Tally, *, whole: bool = False) -> Iterator[tuple[str, str]]:
    """(`file:line`, line) of every line that is UTF-8; the others are left out.

    Args:
        file: The file.
        tally: Counts those.
        whole: Whether all of a line is text.

    Raises:
        UserError: It is no text by its beginning.
    """
    offset = 0
    with opened(file) as raw:
        lines = io.BufferedReader(raw, 1 << 20)
        if fault := fault_of(lines.peek(HEAD)[:HEAD], lines=whole):
            raise UserError(fault, where=file.name)
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


def _txt(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    document: list[str] = []
    size = 0
    for line in (part for _, one in _lines(file, tally, whole=True) for part in paragraphs_of(one)):
        if line.strip() and not _WIKI_MARK.fullmatch(line):
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


def _wiki(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    """What WikiExtractor writes: articles between marks, or with `--json` an object a line."""
    with io.BufferedReader(opened(file), HEAD) as raw:
        rows = raw.peek(1).startswith(b"{")
    yield from (_jsonl if rows else _txt)(file, tally, field)


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
            tally.leave_out(where, no_text(field, list(row) if isinstance(row, dict) else []))
