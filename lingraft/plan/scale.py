"""What scales with the text and the model: batch, updates, vocabulary, learning rates.

The reasoning, the evidence and a table stand in docs/defaults.md. Whoever trains on a large corpus
gets the reference recipe: 1,048,576 tokens an update, 125,000 updates, 50,000 tokens, 7e-4.
"""

import math

from lingraft.architecture import Shape

# Plain text averages about four bytes a token.
BYTES_PER_TOKEN = 4
EPOCHS = 40
ENOUGH_UPDATES = 5_000
"""So many are wanted before an update may grow beyond the least one."""
MOST_UPDATES = 125_000
LEAST_BATCH, REFERENCE_BATCH = 2_048, 1_048_576
TOKENS_PER_PARAMETER = 20
"""Of step 1b, at most: what a model wants that starts from nothing (Hoffmann et al. 2022)."""
LEAST_BRIDGE = 32_768
"""Tokens of source text: more of them bettered no bridge here."""

REFERENCE_RATE, REFERENCE_HIDDEN = 7e-4, 768
HIGHEST_RATE = 1e-2
"""The highest that was the best of a grid here, at hidden size 128: narrower ones get no more."""

REFERENCE_VOCABULARY, REFERENCE_BYTES = 50_000, 10**9
LEAST_VOCABULARY = 512
"""Room for bytes, ASCII and an alphabet."""
ROUND = 64
MANY_LETTERS = {"zh", "yue", "wuu", "gan", "hak", "hsn", "cjy", "cdo", "lzh", "ja", "ko"}
"""Languages written with hundreds or thousands of letters."""
THEIR_SHARE = 4


def tokens(text_bytes: int) -> float:
    """Tokens of a whole run: the text in the default number of epochs."""
    return EPOCHS * text_bytes / BYTES_PER_TOKEN


def mini_tokens(text_bytes: int, shape: Shape, new_layers: int) -> float:
    """Tokens of step 1b: no more than what it trains (layers and the head's dense part) can use."""
    layer = 4 * shape.hidden**2 + 2 * shape.hidden * shape.intermediate
    useful = TOKENS_PER_PARAMETER * (new_layers * layer + shape.hidden**2)
    return min(tokens(text_bytes), max(useful, ENOUGH_UPDATES * LEAST_BATCH))


def bridge_tokens(hidden: int) -> int:
    """Tokens that a mini-model's bridge is fitted on: 32 for each of its inputs, and enough."""
    return max(LEAST_BRIDGE, 32 * hidden)


def batch_tokens(wanted: float, sequence_length: int) -> int:
    """Tokens of one update: a power of two of whole rows, so that `wanted` are enough updates."""
    share = min(REFERENCE_BATCH, max(LEAST_BATCH, wanted / ENOUGH_UPDATES))
    return sequence_length << max(0, math.floor(math.log2(share / sequence_length)))


def updates(wanted: float, batch: int) -> int:
    """Updates of `batch` tokens for `wanted` in all, at most the reference's."""
    return max(1, min(MOST_UPDATES, math.ceil(wanted / batch)))


def vocabulary(text_bytes: int, language: str | None) -> int:
    """Tokens of a tokenizer that is trained on the text, special ones included."""
    letters = THEIR_SHARE if language and language.lower().split("-")[0] in MANY_LETTERS else 1
    wanted = letters * REFERENCE_VOCABULARY * math.sqrt(text_bytes / REFERENCE_BYTES)
    if wanted >= REFERENCE_VOCABULARY:
        return REFERENCE_VOCABULARY
    return max(LEAST_VOCABULARY, int(wanted) // ROUND * ROUND)


def rounded_up(vocabulary: int) -> int:
    """The next multiple of 64, which accelerators multiply by the vocabulary at full speed."""
    return -(-vocabulary // ROUND) * ROUND


def rows_rate(hidden: int) -> float:
    """Peak rate where only token embeddings train, through a frozen body; whatever the batch."""
    return _shown(REFERENCE_RATE * (REFERENCE_HIDDEN / hidden) ** 1.5)


def layers_rate(hidden: int, batch: int) -> float:
    """Peak rate where layers train: that of the rows, times the root of the batch's share."""
    share = math.sqrt(min(1.0, batch / REFERENCE_BATCH))
    return _shown(REFERENCE_RATE * (REFERENCE_HIDDEN / hidden) ** 1.5 * share)


def _shown(rate: float) -> float:
    """Two digits: what a plan shows is what is trained with."""
    return float(f"{min(HIGHEST_RATE, rate):.1e}")
