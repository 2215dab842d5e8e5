"""Pass 2: the cleaned text as ids, a part of it in each process, some of it held out."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
from tokenizers import Tokenizer

from lingraft_trainer.data.cleaned import Cleaned, documents_of, key_of
from lingraft_trainer.data.encode import Encoder
from lingraft_trainer.data.packing import PackWriter
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.pieces import is_repeated, kept_texts, paragraphs_of

_SCHEMA = pa.schema(
    {
        "ids": pa.list_(pa.int32()),
        "bytes": pa.int64(),
        "unknownBytes": pa.int64(),
        "heldout": pa.list_(pa.string()),
    }
)


def pack(
    cleaned: Cleaned,
    tokenizer: Path,
    heldout: frozenset[int],
    train: PackWriter,
    folder: Path,
    *,
    between: str,
    processes: int,
) -> list[str]:
    """Pack the text to train on, each document for itself.

    Args:
        cleaned: The text.
        tokenizer: A tokenizer.json.
        heldout: Keys of the paragraphs that are left out.
        train: Gets the documents; the caller closes it.
        folder: For what waits.
        between: What stands between two paragraphs of a document.
        processes: How many tokenise side by side.

    Returns:
        The paragraphs that were left out, in the text's order.
    """
    left: list[str] = []
    work = partial(_tokenise, tokenizer=str(tokenizer), heldout=heldout, between=between)
    for table in ordered(work, cleaned.parts, folder, processes):
        for row in table.to_pylist():
            left += row["heldout"]
            if row["bytes"]:
                train.add(row["ids"], row["bytes"], row["unknownBytes"])
    return left


def pack_paragraphs(paragraphs: Sequence[str], tokenizer: Path, writer: PackWriter) -> None:
    """Pack held-out paragraphs, each for itself."""
    encoder = Encoder(Tokenizer.from_file(str(tokenizer)))
    for encoded in encoder(paragraphs):
        writer.add(*encoded)
    writer.close()


def _tokenise(
    part: str, *, tokenizer: str, heldout: frozenset[int], between: str
) -> Iterator[pa.Table]:
    encoder = Encoder(Tokenizer.from_file(tokenizer))
    for documents in documents_of(part):
        texts: list[str] = []
        held: list[list[str]] = []
        for pieces in documents:
            out = {i for i, p in enumerate(pieces) if _is_held(p, heldout)}
            # One row at least: what is held out is in it.
            kept = kept_texts(pieces, out, between=between) or [""]
            texts += kept
            held += [paragraphs_of(pieces, out), *([] for _ in kept[1:])]
        rows = [
            {"ids": e.ids, "bytes": e.bytes, "unknownBytes": e.unknown_bytes, "heldout": out}
            for e, out in zip(encoder(texts), held, strict=True)
        ]
        yield pa.Table.from_pylist(rows, _SCHEMA)


def _is_held(piece: str, heldout: frozenset[int]) -> bool:
    """What was there before is not: it stays or goes with its document."""
    return not is_repeated(piece) and key_of(piece.encode()) in heldout
