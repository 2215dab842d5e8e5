"""Which rows make up an update and which tokens are masked: functions of (seed, step) alone.

Every worker draws for the whole global batch and keeps its share, so the result does not
depend on how many workers there are, and a resumed run sees what an uninterrupted one saw.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ORDER, _MASK = 1, 2
"""Streams of the seed: a row order and a mask must not share random numbers."""


def rows_of_step(step: int, *, seed: int, batch: int, rows: int) -> IntArray:
    """Row numbers of one global batch, [batch]: epoch after epoch, each in a new order."""
    positions = np.arange(step * batch, (step + 1) * batch, dtype=np.int64)
    epochs = positions // rows
    chosen = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        chosen[here] = _order(seed, int(epoch), rows)[positions[here] % rows]
    return chosen


@lru_cache(maxsize=2)  # an update may end one epoch and begin the next
def _order(seed: int, epoch: int, rows: int) -> npt.NDArray[np.int32] | IntArray:
    """The rows in an epoch's order: 50 million take 2.5 s and, kept, 200 MB."""
    order = np.random.default_rng([seed, _ORDER, epoch]).permutation(rows)
    return order.astype(np.int32) if rows < 2**31 else order


def share_of(samples: int, rank: int, world: int) -> tuple[IntArray, bool]:
    """Which of a batch's samples are one worker's.

    Returns:
        Their numbers, at least one: every worker has to take part in the exchange of gradients.
        And whether the worker is idle, there being more workers than samples; its one sample is
        then not to be counted.
    """
    mine = np.array_split(np.arange(samples), world)[rank]
    return (mine, False) if len(mine) else (np.zeros(1, dtype=np.int64), True)


def mask_tokens(
    tokens: IntArray,
    maskable: BoolArray,
    *,
    seed: int,
    step: int,
    probability: float,
    mask_id: int,
    vocabulary: int,
) -> tuple[IntArray, BoolArray]:
    """BERT's masking: of the chosen tokens 80 % become the mask, 10 % random, 10 % stay.

    Args:
        tokens: The global batch, [B, S].
        maskable: Where a token may be chosen (no padding, no special token), [B, S].
        seed: Of the run.
        step: Of the update.
        probability: That a maskable token is chosen.
        mask_id: Id of the mask token.
        vocabulary: Random tokens are drawn from 0 to this, exclusive.

    Returns:
        The input ids [B, S] and where the loss is taken [B, S].
    """
    rng = np.random.default_rng([seed, _MASK, step])
    chosen = (rng.random(tokens.shape) < probability) & maskable
    kind = rng.random(tokens.shape)
    random_tokens = rng.integers(0, vocabulary, tokens.shape)
    inputs = np.where(chosen & (kind < 0.8), mask_id, tokens)
    inputs = np.where(chosen & (kind >= 0.8) & (kind < 0.9), random_tokens, inputs)
    return inputs, chosen
