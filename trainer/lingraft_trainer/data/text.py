"""Read text of any size: files -> cleaned documents of paragraphs, in (file, offset) order.

`.txt` (a line is a paragraph, a blank line ends a document), `.jsonl` (field `text`) and
`.parquet` (column `text`), each plain, `.gz` or `.zst`. Nothing is held in memory but a document
(a compressed parquet file is decompressed as a whole). Ray Data spreads the work over files.
"""

import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from lingraft.errors import UserError

FORMATS = (".txt", ".jsonl", ".parquet")
CODECS = {".gz": "gzip", ".zst": "zstd"}
DOCUMENT = 1 << 16
"""Characters after which a document without an end is cut, between paragraphs: a file of lines
without blank lines is not one document."""

_CONTROL = "\x00-\x1f\x7f-\x9f"
# In Mongolian U+202F joins a suffix to its word; elsewhere it is a space as others are.
_SPACE = re.compile(f"(?:(?!\u202f[\u1820-\u18aa])[\\s{_CONTROL}])+")
_NOTHING = re.compile("[\ufeff\ud800-\udfff]")


@dataclass(frozen=True)
class TextFile:
    """One file of a corpus: where it is, what the user calls it, how it is written."""

    path: str
    name: str
    format: str
    codec: str | None


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def text_files(source: Path) -> list[TextFile]:
    """The text files of a directory (or the one file), ordered by name.

    Raises:
        UserError: There are none.
    """
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    # Hidden files are in no fingerprint either.
    paths = [p for p in paths if p == source or not _hidden(p.relative_to(source))]
    found: list[TextFile] = []
    for path in paths:
        name = path.name if path == source else path.relative_to(source).as_posix()
        stem, codec = path.name, CODECS.get(path.suffix)
        if codec:
            stem = path.stem
        suffix = Path(stem).suffix
        if suffix in FORMATS:
            found.append(TextFile(str(path), name, suffix, codec))
    if not found:
        raise UserError(
            "no text in it: it has no .txt, .jsonl or .parquet file (plain, .gz or .zst)",
            where="corpus",
        )
    return sorted(found, key=lambda file: file.name)


class Cleaner:
    """Cleans a paragraph: NFC, single spaces, no control characters, no special tokens.

    A control character ends a word, as a space does; a byte order mark and half a surrogate pair
    are nothing. Joiners, marks of direction and all letters stay.

    A special token spelled out in the text (`<s>` of an HTML page) would become a real one: a
    space is put behind its first character. Tokenizers may read other characters as the same, so
    a text that spells one out in NFKC (fullwidth `<s>`) is taken in NFKC.
    """

    def __init__(self, special_tokens: Iterable[str] = ()) -> None:
        words = sorted(special_tokens, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        """The clean paragraph, empty if nothing is left."""
        text = _plain(text, "NFC")
        if self._special is not None:
            text = self._special.sub(_broken, text)
            if self._special.search(unicodedata.normalize("NFKC", text)):
                text = self._special.sub(_broken, _plain(text, "NFKC"))
        return text


def _plain(text: str, form: Literal["NFC", "NFKC"]) -> str:
    return _SPACE.sub(" ", unicodedata.normalize(form, _NOTHING.sub("", text))).strip(" ")


def _broken(token: re.Match[str]) -> str:
    return f"{token[0][:1]} {token[0][1:]}"


def read_documents(file: TextFile, clean: Cleaner) -> Iterator[list[str]]:
    """The documents of one file: lists of clean, non-empty paragraphs.

    Raises:
        UserError: Not UTF-8, broken JSON, a row without text, or a broken archive.
    """
    reader = {".txt": _txt, ".jsonl": _jsonl, ".parquet": _parquet}[file.format]
    try:
        for raw in reader(file):
            paragraphs = [p for p in map(clean, raw) if p]
            yield from _cut(paragraphs)
    except (OSError, EOFError, pa.ArrowException) as error:
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
    raw = pa.OSFile(file.path)
    return pa.CompressedInputStream(raw, file.codec) if file.codec else raw


def _lines(file: TextFile) -> Iterator[tuple[int, str]]:
    """(Line number from 1, line). Offsets in errors are of the decompressed file."""
    offset = 0
    with _open(file) as raw:
        for number, line in enumerate(io.BufferedReader(raw, 1 << 20), 1):
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                raise UserError(
                    f"not UTF-8 at byte {offset + error.start}; convert the file to UTF-8",
                    where=file.name,
                ) from None
            offset += len(line)


def _txt(file: TextFile) -> Iterator[list[str]]:
    document: list[str] = []
    size = 0
    for _, line in _lines(file):
        if line.strip():
            document.append(line)
            size += len(line)
        if document and (size >= DOCUMENT or not line.strip()):
            yield document
            document, size = [], 0
    if document:
        yield document


def _jsonl(file: TextFile) -> Iterator[list[str]]:
    for number, line in _lines(file):
        if not line.strip("\ufeff \t\r\n"):
            continue
        where = f"{file.name}:{number}"
        try:
            row: object = json.loads(line.removeprefix("\ufeff"))
        except json.JSONDecodeError as error:
            raise UserError(
                f"not JSON: {error.msg}; each line is one object", where=where
            ) from None
        text: object = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise UserError('the row has no field "text" with a string in it', where=where)
        yield text.splitlines()


def _parquet(file: TextFile) -> Iterator[list[str]]:
    if file.codec:
        with _open(file) as stream:
            table = pq.ParquetFile(pa.BufferReader(stream.read()))
    else:
        table = pq.ParquetFile(file.path)
    with table:
        schema = table.schema_arrow
        kinds = (pa.string(), pa.large_string(), pa.string_view())
        if "text" not in schema.names or schema.field("text").type not in kinds:
            raise UserError(
                f'it has no column "text" of strings, only {", ".join(schema.names)}',
                where=file.name,
            )
        row = 0
        for batch in table.iter_batches(batch_size=256, columns=["text"]):
            for text in batch.column(0).to_pylist():
                row += 1
                if text is None:
                    raise UserError('the row has no "text"', where=f"{file.name}:{row}")
                yield text.splitlines()
