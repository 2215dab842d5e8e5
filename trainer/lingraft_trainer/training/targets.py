"""What a model is fed and what it has to tell: one function for each objective, side by side."""

from typing import NamedTuple

import numpy as np

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.training.masking import BoolArray, IntArray, mask_tokens


class Targets(NamedTuple):
    """Of rows of packed text, each [B, S]."""

    inputs: IntArray
    """What the model is fed."""
    wanted: IntArray
    """The token to tell at each position."""
    told: BoolArray
    """Where one is to be told: there the loss is taken."""

    def of(self, rows: IntArray) -> "Targets":
        """Of some of the rows."""
        return Targets(self.inputs[rows], self.wanted[rows], self.told[rows])


def masked_targets(
    tokens: IntArray,
    segments: np.ndarray,
    text: PackedText,
    *,
    seed: int,
    step: int,
    probability: float,
) -> Targets:
    """A masked model tells a share of the tokens, which are hidden from it (`mask_tokens`).

    Args:
        tokens: Rows of the text, [B, S].
        segments: The number of each token's piece, 0 for padding, [B, S].
        text: Where they come from.
        seed: Of the run.
        step: Of the update.
        probability: That a token is told. Special ones never are.
    """
    inputs, chosen = mask_tokens(
        tokens,
        (segments > 0) & ordinary(tokens, text),
        seed=seed,
        step=step,
        probability=probability,
        mask_id=text.mask_id,
        vocabulary=text.vocab_size,
    )
    return Targets(inputs, tokens, chosen)


def causal_targets(tokens: IntArray, segments: np.ndarray) -> Targets:
    """A causal model tells the next token everywhere, as far as that is of the same piece.

    Args:
        tokens: Rows of the text, [B, S].
        segments: The number of each token's piece, 0 for padding, [B, S].
    """
    wanted, told = np.roll(tokens, -1, axis=1), np.zeros(tokens.shape, dtype=bool)
    told[:, :-1] = (segments[:, :-1] > 0) & (segments[:, :-1] == segments[:, 1:])
    return Targets(tokens, wanted, told)


def ordinary(tokens: IntArray, text: PackedText) -> BoolArray:
    """Which tokens are text and not special, of the same shape."""
    special = np.zeros(text.vocab_size, dtype=bool)
    special[list(text.special_ids)] = True
    return ~special[tokens]


def targets_of(
    tokens: IntArray,
    segments: np.ndarray,
    text: PackedText,
    share: float | None,
    *,
    seed: int,
    step: int,
) -> Targets:
    """What training tells of rows: a share of the tokens, masked; None: every next token."""
    if share is None:
        return causal_targets(tokens, segments)
    return masked_targets(tokens, segments, text, seed=seed, step=step, probability=share)
