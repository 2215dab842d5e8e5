"""Packed text: documents cut into framed pieces that fill rows of one length.

    tokens-00000.npy    int32 [rows, L], padded with the pad id
    segments-00000.npy  uint8 [rows, L], 0 for padding, else the number of the piece in its row
    packed.json         counts and ids

Attention stays inside a piece and positions restart with it. Every piece is framed as a
task's text is (`<s> ... </s>`), so that nothing is first met at fine-tuning.

A causal model predicts every token of a piece but its first. So its documents are framed, not their
pieces, and a piece that goes on begins with the last token of the one before it: each token is
predicted once, and none from nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LEAST = 32
"""A document is not cut for a rest of a row that holds fewer tokens of it."""
MOST_PIECES = 255
"""What a uint8 can count."""


class PackWriter:
    """Writes packed text; `close()` writes packed.json last.

    Args:
        folder: Created.
        sequence_length: L, tokens of a row.
        prefix: Ids in front of every piece; causal: of every document.
        suffix: Ids behind every piece; causal: of every document.
        special_ids: All ids that are never masked.
        mask_id: Of the mask token; a causal model has none.
        causal: Whether it is for a causal model.
        whole: Whether a document is cut only where it is longer than a row.
        rows_per_shard: Rows of one file; a shard is in memory until it is full.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sequence_length: int,
        pad_id: int,
        mask_id: int | None,
        special_ids: Sequence[int],
        vocab_size: int,
        prefix: Sequence[int],
        suffix: Sequence[int],
        causal: bool = False,
        whole: bool = False,
        rows_per_shard: int = 65_536,
    ) -> None:
        self.folder = folder
        self.sequence_length = sequence_length
        self.ids = {
            "padId": pad_id,
            "maskId": mask_id,
            "vocabSize": vocab_size,
            "specialIds": sorted(set(special_ids)),
        }
        around = (list(prefix), list(suffix))
        self._of_document, self._of_piece = (around, ([], [])) if causal else (([], []), around)
        self._repeated = 1 if causal else 0
        self._least = sequence_length if whole else LEAST
        self.room = sequence_length - sum(map(len, self._of_piece))
        if self.room <= self._repeated:
            raise ValueError(f"rows of {sequence_length} tokens leave no room for text")
        self.rows_per_shard = rows_per_shard
        self.rows = self.tokens = self.bytes = self.unknown_bytes = self._shards = 0
        self._row: list[int] = []
        self._segments: list[int] = []
        self._piece = 0
        self._new_shard()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, document_ids: Sequence[int], bytes: int, unknown_bytes: int = 0) -> None:
        """Add a document.

        Args:
            document_ids: Without special tokens.
            bytes: Of its text, in UTF-8.
            unknown_bytes: Of those, what the ids do not tell.
        """
        self.bytes += bytes
        self.unknown_bytes += unknown_bytes
        if not document_ids:
            return
        first, last = self._of_document
        ids = [*first, *document_ids, *last]
        first, last = self._of_piece
        start, end = 0, len(ids)
        while start < end:
            free = self.room - len(self._row)  # room for text: the piece's frame is left out
            if free < min(self._least, end - start, self.room) or self._piece == MOST_PIECES:
                self._end_row()
                free = self.room
            piece = ids[start : start + free]
            self._piece += 1
            framed = [*first, *piece, *last]
            self._row += framed
            self._segments += [self._piece] * len(framed)
            start += len(piece)
            if start < end:
                start -= self._repeated

    def close(self) -> None:
        """Write what is left, then packed.json."""
        self._end_row()
        self._end_shard()
        content = {
            "rows": self.rows,
            "sequenceLength": self.sequence_length,
            "tokens": self.tokens,
            "bytes": self.bytes,
            "unknownBytes": self.unknown_bytes,
            **self.ids,
        }
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        (self.folder / "packed.json").write_text(text, encoding="utf-8")

    def _end_row(self) -> None:
        if not self._row:
            return
        length = len(self._row)
        self._tokens_array[self._filled] = self.ids["padId"]
        self._tokens_array[self._filled, :length] = self._row
        self._segments_array[self._filled, :length] = self._segments
        self._filled += 1
        self.rows += 1
        self.tokens += length
        self._row, self._segments, self._piece = [], [], 0
        if self._filled == self.rows_per_shard:
            self._end_shard()

    def _new_shard(self) -> None:
        shape = (self.rows_per_shard, self.sequence_length)
        # Zeroed pages cost no memory until a row is written.
        self._tokens_array = np.zeros(shape, np.int32)
        self._segments_array = np.zeros(shape, np.uint8)
        self._filled = 0

    def _end_shard(self) -> None:
        if self._filled:
            name = f"{self._shards:05d}.npy"
            np.save(self.folder / f"tokens-{name}", self._tokens_array[: self._filled])
            np.save(self.folder / f"segments-{name}", self._segments_array[: self._filled])
            self._shards += 1
            self._new_shard()


class PackedText:
    """Packed text on disk, read by memory map."""

    def __init__(self, folder: Path) -> None:
        content = json.loads((folder / "packed.json").read_text(encoding="utf-8"))
        self.rows: int = content["rows"]
        self.sequence_length: int = content["sequenceLength"]
        self.tokens: int = content["tokens"]
        """Tokens, those of frames and those that are repeated included, padding left out."""
        self.bytes: int = content["bytes"]
        self.unknown_bytes: int = content["unknownBytes"]
        """Bytes of the text that its tokens do not tell."""
        self.pad_id: int = content["padId"]
        self._mask_id: int | None = content["maskId"]
        self.vocab_size: int = content["vocabSize"]
        self.special_ids: tuple[int, ...] = tuple(content["specialIds"])
        names = sorted(path.name for path in folder.glob("tokens-*.npy"))
        self._tokens = [np.load(folder / name, mmap_mode="r") for name in names]
        self._segments = [
            np.load(folder / name.replace("tokens", "segments"), mmap_mode="r") for name in names
        ]
        self._starts = np.cumsum([0, *(len(shard) for shard in self._tokens)])
        if self._starts[-1] != self.rows:
            raise ValueError(f"{folder}: {self._starts[-1]} rows, packed.json says {self.rows}")

    def __len__(self) -> int:
        return self.rows

    @property
    def mask_id(self) -> int:
        """The mask's id, which the text of a causal model has not."""
        assert self._mask_id is not None
        return self._mask_id

    @property
    def unknown_rate(self) -> float:
        """Share of the text's bytes that its tokens do not tell."""
        return self.unknown_bytes / max(1, self.bytes)

    def take(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Rows by number: tokens int64 [B, L] and segments uint8 [B, L], in the order asked."""
        indices = np.asarray(indices, dtype=np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= self.rows):
            raise IndexError(f"row out of range 0..{self.rows - 1}")
        tokens = np.empty((len(indices), self.sequence_length), np.int64)
        segments = np.empty((len(indices), self.sequence_length), np.uint8)
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        for shard in np.unique(shards):
            here = shards == shard
            rows = indices[here] - self._starts[shard]
            tokens[here] = self._tokens[shard][rows]
            segments[here] = self._segments[shard][rows]
        return tokens, segments
