"""The cleaned text: read once, deduplicated, kept on disk in parts for a second pass.

It is read twice, to train a tokenizer and to tokenise, and may be larger than memory.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lingraft.errors import UserError
from lingraft_trainer.data.clean import Cleaner
from lingraft_trainer.data.heldout import held_out
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text import read_documents
from lingraft_trainer.data.text_file import Tally, TextFile

BATCH = 512  # documents
LONGEST = 1_000
"""Characters of a paragraph: documents are put together from them with single spaces."""
PART = 16 << 20
"""Characters of one part: what one process tokenises. Bytes of files that one reads."""


@dataclass
class Cleaned:
    """The cleaned, deduplicated text on disk, and what was counted on the way."""

    parts: list[str] = field(default_factory=list[str])
    documents: int = 0
    paragraphs: int = 0
    duplicates: int = 0
    characters: int = 0
    tally: Tally = field(default_factory=Tally)
    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    """`key_of` each paragraph, in order."""
    sizes: "array[int]" = field(default_factory=lambda: array("L"))
    """Bytes of each paragraph."""

    def held_out(self, share: float, most: int) -> frozenset[int]:
        """The keys of the paragraphs to hold out (see `heldout.held_out`)."""
        keys, sizes = np.asarray(self.keys, np.uint64), np.asarray(self.sizes, np.int64)
        return held_out(keys, sizes, share=share, most=most)


def clean_text(
    files: Sequence[TextFile],
    special_tokens: Iterable[str],
    folder: Path,
    script: ScriptCheck,
    *,
    text_field: str = "text",
    processes: int = 1,
) -> Cleaned:
    """Pass 1: read files; keep each paragraph once, the first in (file, offset) order.

    Paragraphs are told apart by 64 bits of BLAKE2b, about 80 bytes of memory each.

    Raises:
        UserError: There is no text, or more than 1 % of its rows are unusable.
    """
    done = Cleaned()
    seen: set[int] = set()
    part: list[list[str]] = []
    size = 0
    read = partial(_read, clean=Cleaner(special_tokens), field=text_field)
    for table in ordered(read, list(_groups(files)), folder, processes):
        for tally in table.column("tally").drop_null().to_pylist():
            done.tally.add(Tally(**tally))
        for paragraphs in table.column("paragraphs").to_pylist():
            pieces = [piece for p in paragraphs for piece in _pieces(p)]
            kept = [p for p in pieces if _is_new(p, seen, done)]
            if kept:
                part.append(kept)
                for paragraph in kept:
                    script.add(paragraph)
                    size += len(paragraph)
            if size >= PART:
                _write(part, folder, done, size)
                part, size = [], 0
    if 100 * done.tally.unusable > done.tally.rows:
        raise done.tally.error()
    if not done.parts and sum(map(len, part)) == 1:
        part = _in_two(part[0][0], done)
    if part:
        _write(part, folder, done, size)
    if not done.documents:
        raise UserError(
            f"the corpus is empty: no text in {', '.join(f.name for f in files[:3])}; "
            "give a file with text",
            where="corpus",
        )
    return done


def _groups(files: Sequence[TextFile]) -> Iterator[list[TextFile]]:
    """Neighbours that are worth a process's while together."""
    group: list[TextFile] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.bytes
        if size >= PART:
            yield group
            group, size = [], 0
    if group:
        yield group


def _is_new(paragraph: str, seen: set[int], done: Cleaned) -> bool:
    content = paragraph.encode()
    key = key_of(content)
    if key in seen:
        done.duplicates += 1
        return False
    seen.add(key)
    done.keys.append(key)
    done.sizes.append(len(content))
    return True


def key_of(paragraph: bytes) -> int:
    """64 bits that depend on a paragraph's UTF-8 alone."""
    return int.from_bytes(hashlib.blake2b(paragraph, digest_size=8).digest(), "little")


def _pieces(paragraph: str) -> Iterator[str]:
    """A long paragraph in pieces: what is held out must not be a third of a small text."""
    while len(paragraph) > LONGEST:
        at = paragraph.rfind(" ", LONGEST // 2, LONGEST)
        at = at if at > 0 else LONGEST
        yield paragraph[:at]
        paragraph = paragraph[at:].lstrip(" ")
    if paragraph:
        yield paragraph


def _in_two(paragraph: str, done: Cleaned) -> list[list[str]]:
    """The only paragraph and its last tenth, for something has to be held out."""
    at = len(paragraph) * 9 // 10
    at = paragraph.rfind(" ", 1, at) if " " in paragraph[1:at] else max(1, at)
    pieces = [paragraph[:at], paragraph[at:].strip(" ")]
    if not all(pieces):
        raise UserError("the text is too short to train on and hold some out", where="corpus")
    done.keys, done.sizes = array("Q"), array("L")
    seen: set[int] = set()
    return [[piece for piece in pieces if _is_new(piece, seen, done)]]


_SCHEMA = pa.schema(
    {
        "paragraphs": pa.list_(pa.string()),
        # Of a file, in a row without paragraphs behind its documents.
        "tally": pa.struct(
            {"rows": pa.int64(), "unusable": pa.int64(), "where": pa.string(), "why": pa.string()}
        ),
    }
)


def _read(files: Sequence[TextFile], *, clean: Cleaner, field: str) -> Iterator[pa.Table]:
    batch: list[dict[str, Any]] = []
    for file in files:
        tally = Tally()
        for document in read_documents(file, clean, tally, field):
            batch.append({"paragraphs": document})
            if len(batch) == BATCH:
                yield pa.Table.from_pylist(batch, _SCHEMA)
                batch = []
        batch.append({"paragraphs": [], "tally": vars(tally)})
    yield pa.Table.from_pylist(batch, _SCHEMA)


def _write(documents: list[list[str]], folder: Path, done: Cleaned, size: int) -> None:
    path = folder / f"{len(done.parts):06d}.parquet"
    table = pa.table({"paragraphs": pa.array(documents, pa.list_(pa.string()))})
    pq.write_table(table, path, compression="zstd")
    done.parts.append(str(path))
    done.characters += size
    done.documents += len(documents)
    done.paragraphs += sum(map(len, documents))


def documents_of(part: str) -> Iterator[list[list[str]]]:
    """The documents of a part, some at a time."""
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches(batch_size=BATCH):
            yield batch.column(0).to_pylist()


def sample_every(cleaned: Cleaned, most: int) -> int:
    """The n of `sample`."""
    return -(-cleaned.characters // most)


def sample(cleaned: Cleaned, most: int) -> Iterator[str]:
    """Every n-th paragraph, n so that about `most` characters come out at most."""
    every, number = sample_every(cleaned, most), 0
    for part in cleaned.parts:
        for documents in documents_of(part):
            for document in documents:
                for paragraph in document:
                    if number % every == 0:
                        yield paragraph
                    number += 1
