"""Stage `corpus`: text -> tokenizer and packed, deduplicated, tokenised rows."""

import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.params import CorpusParams
from lingraft.stage import Compute, Progress, Result
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text import Cleaner, TextFile, read_documents, text_files
from lingraft_trainer.tokenization.report import tokenizer_report
from lingraft_trainer.tokenization.special import (
    SpecialTokens,
    default_special_tokens,
    special_tokens_of,
)
from lingraft_trainer.tokenization.swap import load_tokenizer, relay, save_tokenizer
from lingraft_trainer.tokenization.train import train_tokenizer

if TYPE_CHECKING:
    from lingraft_trainer.context import StageContext

BATCH = 512  # documents
PART = 16 << 20
"""Characters of one part of the cleaned text: what one task tokenises."""
SAMPLE = 256 << 20
"""Characters a tokenizer is trained on, at most: of more text every n-th paragraph is taken."""
REPORTED = 1 << 20  # characters
MOST_HELDOUT = 2_000  # rows

log = logging.getLogger(__name__)


@dataclass
class Cleaned:
    """The cleaned, deduplicated text on disk, and what was counted on the way."""

    parts: list[str] = field(default_factory=list[str])
    documents: int = 0
    paragraphs: int = 0
    duplicates: int = 0
    characters: int = 0
    least_chance: float = 1.0


def corpus(ctx: "StageContext") -> Result:
    """Clean and deduplicate the text, get a tokenizer for it, tokenise and pack it."""
    started = time.monotonic()
    params = CorpusParams.model_validate(ctx.params)
    files = text_files(ctx.inputs["text"])
    base = load_tokenizer(ctx.inputs["base"], where="base") if "base" in ctx.inputs else None
    special = special_tokens_of(base) if base is not None else default_special_tokens()
    if base is None:
        special = special.with_max_length(params.sequence_length)
    script = ScriptCheck(params.language)

    with tempfile.TemporaryDirectory(dir=getattr(ctx, "scratch", None)) as folder:
        ctx.report(Progress(step=0, steps=3, phase="reading and cleaning text"))
        cleaned = clean_text(files, special, Path(folder), script)
        ctx.report(Progress(step=1, steps=3, phase="tokenizer"))
        tokenizer = _tokenizer(ctx, params, special, base, cleaned)
        save_tokenizer(tokenizer, ctx.out / "tokenizer")
        ctx.report(Progress(step=2, steps=3, phase="tokenising and packing"))
        train, heldout = _pack(cleaned, tokenizer, params, ctx.out)
        report = tokenizer_report(
            tokenizer,
            sample(cleaned, REPORTED),
            sequence_length=params.sequence_length,
            base=base,
        )
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    (ctx.out / "tokenizer_report.json").write_text(text, encoding="utf-8")

    warnings = [warning] if (warning := script.warning()) else []
    for warning in warnings:
        log.warning("corpus: %s", warning)
    ctx.report(Progress(step=3, steps=3, phase="done"))
    seconds = time.monotonic() - started
    return Result(
        metrics={
            "files": len(files),
            "documents": cleaned.documents,
            "paragraphs": cleaned.paragraphs,
            "duplicates": cleaned.duplicates,
            "rows": train.rows,
            "tokens": train.tokens,
            "bytes": train.bytes,
            "heldoutRows": heldout.rows,
            "heldoutTokens": heldout.tokens,
            "vocabulary": len(tokenizer),
            "tokenizerSampleEvery": _every(cleaned, SAMPLE),
            "tokenizer": report,
            "warnings": warnings,
        },
        compute=Compute(
            tokens=train.tokens + heldout.tokens, seconds=seconds, device_seconds=seconds
        ),
    )


def clean_text(
    files: list[TextFile], special: SpecialTokens, folder: Path, script: ScriptCheck
) -> Cleaned:
    """Pass 1: read files in parallel; keep each paragraph once, the first in (file, offset) order.

    Paragraphs are told apart by 64 bits of BLAKE2b, about 60 bytes of memory each.
    """
    done = Cleaned()
    seen: set[int] = set()
    part: list[list[str]] = []
    size = 0
    for table in ordered(partial(_read, clean=Cleaner(special.ids)), files):
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
                done.least_chance = min(done.least_chance, _chance(_joined(kept)))
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


def _every(cleaned: Cleaned, most: int) -> int:
    return -(-cleaned.characters // most)


def sample(cleaned: Cleaned, most: int) -> Iterator[str]:
    """Every n-th paragraph, n so that about `most` characters come out at most."""
    every, number = _every(cleaned, most), 0
    for part in cleaned.parts:
        for documents in _documents(part):
            for document in documents:
                for paragraph in document:
                    if number % every == 0:
                        yield paragraph
                    number += 1


def _tokenizer(
    ctx: "StageContext",
    params: CorpusParams,
    special: SpecialTokens,
    base: PreTrainedTokenizerBase | None,
    cleaned: Cleaned,
) -> PreTrainedTokenizerBase:
    choice = params.tokenizer
    if choice.source == "base":
        assert base is not None, "the base's own tokenizer needs the input base"
        return base
    if choice.source == "uri":
        loaded = load_tokenizer(ctx.inputs["tokenizer"])
        special_tokens_of(loaded, where="spec.tokenizer.uri")  # all roles are there
        return relay(loaded, special)
    assert choice.train is not None and choice.vocab_size is not None
    return train_tokenizer(
        sample(cleaned, SAMPLE),
        type=choice.train,
        vocab_size=choice.vocab_size,
        template=special,
        seed=params.seed,
    )


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
                "chance": pa.array([_chance(text) for text in texts], pa.float64()),
            }
        )


def _joined(document: list[str]) -> str:
    # One space between paragraphs: a line break would be a token of its own to BPE.
    return " ".join(document)


def _chance(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"heldout").digest()
    return int.from_bytes(digest, "little") / 2**64


def _pack(
    cleaned: Cleaned, tokenizer: PreTrainedTokenizerBase, params: CorpusParams, out: Path
) -> tuple[PackedText, PackedText]:
    """Pass 2: tokenise in parallel and pack, a share of the documents held out.

    Which are held out depends on their text. At least one is: the one of the smallest chance,
    or, where there is a single document, its last tenth.
    """
    writers = {name: _writer(out / name, tokenizer, params) for name in ("train", "heldout")}
    train, heldout = writers["train"], writers["heldout"]
    path = str(out / "tokenizer" / "tokenizer.json")
    for table in ordered(partial(tokenise, tokenizer=path), cleaned.parts):
        columns = (table.column(name).to_pylist() for name in ("ids", "bytes", "chance"))
        for ids, size, chance in zip(*columns, strict=True):
            if cleaned.documents == 1:
                cut = len(ids) - max(1, len(ids) // 10)
                train_bytes = round(size * cut / max(1, len(ids)))
                train.add(ids[:cut], train_bytes)
                heldout.add(ids[cut:], size - train_bytes)
            elif chance == cleaned.least_chance or (
                chance < params.heldout_share and heldout.rows < MOST_HELDOUT
            ):
                heldout.add(ids, size)
            else:
                train.add(ids, size)
    for writer in writers.values():
        writer.close()
    if not train.rows:
        raise UserError("the text is too short to train on and hold some out", where="corpus")
    return PackedText(out / "train"), PackedText(out / "heldout")


def _writer(folder: Path, tokenizer: PreTrainedTokenizerBase, params: CorpusParams) -> PackWriter:
    framed = tokenizer("a", truncation=False, padding=False)
    own = [number is not None for number in framed.sequence_ids()]
    ids: list[int] = framed["input_ids"]
    first = own.index(True)
    last = len(own) - own[::-1].index(True)
    values: dict[str, Any] = {"pad_id": tokenizer.pad_token_id, "mask_id": tokenizer.mask_token_id}
    return PackWriter(
        folder,
        sequence_length=params.sequence_length,
        special_ids=tokenizer.all_special_ids,
        vocab_size=len(tokenizer),
        prefix=ids[:first],
        suffix=ids[last:],
        **values,
    )
