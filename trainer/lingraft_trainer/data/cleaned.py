"""The cleaned text: read once in parallel, deduplicated, kept on disk in parts for a second pass.

It is read twice, to train a tokenizer and to tokenise, and may be larger than memory.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lingraft.errors import UserError
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text import Cleaner, TextFile, read_documents

BATCH = 512  # documents
PART = 16 << 20
"""Characters of one part: what one task tokenises."""


@dataclass
class Cleaned:
    """The cleaned, deduplicated text on disk, and what was counted on the way."""

    parts: list[str] = field(default_factory=list[str])
    documents: int = 0
    paragraphs: int = 0
    duplicates: int = 0
    characters: int = 0
    least_chance: float = 1.0


def clean_text(
    files: list[TextFile], special_tokens: Iterable[str], folder: Path, script: ScriptCheck
) -> Cleaned:
    """Pass 1: read files in parallel; keep each paragraph once, the first in (file, offset) order.

    Paragraphs are told apart by 64 bits of BLAKE2b, about 60 bytes of memory each.
    """
    done = Cleaned()
    seen: set[int] = set()
    part: list[list[str]] = []
    size = 0
    for table in ordered(partial(_read, clean=Cleaner(special_tokens)), files):
        for paragraphs in table.column("paragraphs").to_pylist():
            kept: list[str] = []
            for paragraph in paragraphs:
                digest = hashlib.blake2b(paragraph.encode(), digest_size=8).digest()
                key = int.from_bytes(digest, "little")
                if key in seen:
                    done.duplicates += 1
                    continue
                seen.add(key)
                kept.append(paragraph)
                script.add(paragraph)
                size += len(paragraph)
            if kept:
                part.append(kept)
                done.least_chance = min(done.least_chance, chance_of(_joined(kept)))
                done.documents += 1
                done.paragraphs += len(kept)
            if size >= PART:
                _write(part, folder, done, size)
                part, size = [], 0
    if part:
        _write(part, folder, done, size)
    if not done.documents:
        raise UserError(
            f"the corpus is empty: no text in {', '.join(f.name for f in files[:3])}; "
            "give a file with text",
            where="corpus",
        )
    return done


def _read(file: TextFile, *, clean: Cleaner) -> Iterator[pa.Table]:
    batch: list[list[str]] = []
    for document in read_documents(file, clean):
        batch.append(document)
        if len(batch) == BATCH:
            yield _table(batch)
            batch = []
    yield _table(batch)


def _table(documents: list[list[str]]) -> pa.Table:
    return pa.table({"paragraphs": pa.array(documents, pa.list_(pa.string()))})


def _write(documents: list[list[str]], folder: Path, done: Cleaned, size: int) -> None:
    path = folder / f"{len(done.parts):06d}.parquet"
    pq.write_table(_table(documents), path, compression="zstd")
    done.parts.append(str(path))
    done.characters += size


def _documents(part: str) -> Iterator[list[list[str]]]:
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
        for documents in _documents(part):
            for document in documents:
                for paragraph in document:
                    if number % every == 0:
                        yield paragraph
                    number += 1


def tokenise(part: str, *, tokenizer: str) -> Iterator[pa.Table]:
    """One part of the cleaned text as ids without special tokens, one row per document."""
    backend = Tokenizer.from_file(tokenizer)
    for documents in _documents(part):
        texts = [_joined(document) for document in documents]
        ids = [e.ids for e in backend.encode_batch_fast(texts, add_special_tokens=False)]
        yield pa.table(
            {
                "ids": pa.array(ids, pa.list_(pa.int32())),
                "bytes": pa.array([len(text.encode()) for text in texts], pa.int64()),
                "chance": pa.array([chance_of(text) for text in texts], pa.float64()),
            }
        )


def _joined(document: list[str]) -> str:
    # One space between paragraphs: a line break would be a token of its own to BPE.
    return " ".join(document)


def chance_of(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"heldout").digest()
    return int.from_bytes(digest, "little") / 2**64
