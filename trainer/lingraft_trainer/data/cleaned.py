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
from lingraft_trainer.data.heldout import held_out, held_out_whole
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.pieces import REPEATED, is_repeated, pieces_of, said_by
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text import read_documents
from lingraft_trainer.data.text_file import Tally, TextFile

BATCH = 512  # documents
PART = 16 << 20
"""Characters of one part: what one process tokenises. Bytes of files that one reads."""
SHORT = 200
"""Characters below which a paragraph is part of its document, though it was there before."""


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
    """`key_of` each new paragraph, in order."""
    sizes: "array[int]" = field(default_factory=lambda: array("L"))
    """Bytes of each of these."""
    counts: "array[int]" = field(default_factory=lambda: array("L"))
    """How many of these each document has, in order."""

    def held_out(self, share: float, most: int, *, whole: bool = False) -> frozenset[int]:
        """The keys of the paragraphs to hold out (see `heldout.held_out`).

        Args:
            share: Of all bytes.
            most: Bytes, at most.
            whole: All paragraphs of a document, or none, where documents are small enough.
        """
        keys, sizes = np.asarray(self.keys, np.uint64), np.asarray(self.sizes, np.int64)
        if whole:
            counts = np.asarray(self.counts, np.int64)
            of_document = np.repeat(np.arange(len(counts)), counts)
            return held_out_whole(keys, sizes, of_document, share=share, most=most)
        return held_out(keys, sizes, share=share, most=most)


def clean_text(
    files: Sequence[TextFile],
    special_tokens: Iterable[str],
    folder: Path,
    script: ScriptCheck,
    *,
    text_field: str = "text",
    whole: bool = False,
    processes: int = 1,
) -> Cleaned:
    """Pass 1: read files; keep each paragraph once, the first in (file, offset) order.

    Paragraphs are told apart by 64 bits of BLAKE2b, about 80 bytes of memory each.

    Args:
        files: In order.
        special_tokens: Which the text must not spell.
        folder: For the parts.
        script: Counts the text's scripts.
        text_field: Of rows, their text.
        whole: Whether documents are to come back as they were: short paragraphs that were there
            before stay in one that has something new, and pieces are marked (see `pieces`).
        processes: How many read side by side.

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
            kept, new = _kept(paragraphs, seen, done, whole=whole)
            if new:
                part.append(kept)
                done.counts.append(new)
                for piece in kept:
                    script.add(said_by(piece))
                    size += len(piece)
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


def _kept(
    paragraphs: Sequence[str], seen: set[int], done: Cleaned, *, whole: bool
) -> tuple[list[str], int]:
    """The pieces of a document that stay, and how many of them are new."""
    kept: list[str] = []
    found = 0
    for paragraph in paragraphs:
        pieces = list(pieces_of(paragraph, marked=whole))
        new = [_is_new(piece, seen, done) for piece in pieces]
        found += sum(new)
        if not whole:
            kept += [piece for piece, is_new in zip(pieces, new, strict=True) if is_new]
        elif any(new) or len(paragraph) < SHORT:
            kept += [p if is_new else REPEATED + p for p, is_new in zip(pieces, new, strict=True)]
    return kept, found


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


def _in_two(paragraph: str, done: Cleaned) -> list[list[str]]:
    """The only paragraph and its last tenth, for something has to be held out."""
    at = len(paragraph) * 9 // 10
    at = paragraph.rfind(" ", 1, at) if " " in paragraph[1:at] else max(1, at)
    pieces = [paragraph[:at], paragraph[at:].strip(" ")]
    if not all(pieces):
        raise UserError("the text is too short to train on and hold some out", where="corpus")
    done.keys, done.sizes = array("Q"), array("L")
    seen: set[int] = set()
    kept = [piece for piece in pieces if _is_new(piece, seen, done)]
    done.counts = array("L", [len(kept)])
    return [kept]


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
    """Every n-th new paragraph, n so that about `most` characters come out at most."""
    every, number = sample_every(cleaned, most), 0
    for part in cleaned.parts:
        for documents in documents_of(part):
            for document in documents:
                for piece in document:
                    if is_repeated(piece):
                        continue
                    if number % every == 0:
                        yield said_by(piece)
                    number += 1
