"""Rows that stay the base's: those of added tokens that are not in the text.

An instruct model ends its turn with a token of its own, `<|im_end|>` say, which plain text lacks.
Trained like any other it would be pushed down at every position, and the model would never end its
turn again. What that did, and what keeping its rows costs: docs/models.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.surface import surfaces

AT_ONCE = 1 << 20
"""Tokens that are looked through at once."""


def known_added(source: PreTrainedTokenizerBase, target: PreTrainedTokenizerBase) -> dict[int, int]:
    """The target's added tokens that the base has too, special or not: its id to the base's."""
    # By what they say: a vocabulary may spell its pieces in an alphabet of its own.
    known = surfaces(source) | {str(t): i for i, t in source.added_tokens_decoder.items()}
    return {
        new: known[str(token)]
        for new, token in target.added_tokens_decoder.items()
        if str(token) in known
    }


def seen_in(text: PackedText) -> np.ndarray:
    """Whether each token is anywhere in the text, read or to be told, [V]."""
    # Of all rows: a conversation may stand in the last of a long text.
    seen_V, at_once = np.zeros(text.vocab_size, bool), max(1, AT_ONCE // text.sequence_length)
    for first in range(0, text.rows, at_once):
        rows = np.arange(first, min(first + at_once, text.rows))
        tokens, segments = text.take(rows)
        seen_V |= np.bincount(tokens[segments > 0], minlength=text.vocab_size) > 0
    return seen_V


@dataclass(frozen=True)
class KeptRows:
    """Rows of a token embedding matrix, and of the decoder where that has its own.

    Attributes:
        ids: Of the target's vocabulary, [K].
        read: Their embeddings in the base, [K, E].
        written: Their rows of its decoder, [K, E]; None where it is tied to the embeddings.
    """

    ids: Tensor
    read: Tensor
    written: Tensor | None

    @classmethod
    def of(cls, base: tuple[Tensor, Tensor | None], pairs: Mapping[int, int]) -> Self:
        """The rows of `pairs`, ids of the target to those of the base.

        Args:
            base: The base's embeddings [V, E] and, where it is not tied, its decoder's [V, E].
            pairs: Whose rows.
        """
        old = torch.tensor(list(pairs.values()), dtype=torch.long)
        read, written = (None if rows is None else rows.detach()[old].cpu() for rows in base)
        assert read is not None
        return cls(torch.tensor(list(pairs), dtype=torch.long), read, written)

    @torch.no_grad()
    def put_back(self, read: Tensor, written: Tensor | None = None) -> None:
        """Into new embeddings [V', E] and a decoder of their own [V', E], in place."""
        for rows, kept in ((read, self.read), (written, self.written)):
            if rows is not None and kept is not None and len(self.ids):
                rows[self.ids.to(rows.device)] = kept.to(rows)
