"""Rows and masks are functions of seed and step alone, as BERT's recipe has them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.training.masking import mask_tokens, rows_of_step

MASK, VOCABULARY = 4, 1000


@given(
    rows=st.integers(1, 60),
    batch=st.integers(1, 90),
    steps=st.integers(1, 8),
    seed=st.integers(0, 9),
)
def test_every_epoch_shows_every_row_once_in_an_order_of_its_own(
    rows: int, batch: int, steps: int, seed: int
) -> None:
    seen = np.concatenate(
        [rows_of_step(s, seed=seed, batch=batch, rows=rows) for s in range(steps)]
    )
    assert len(seen) == steps * batch
    epochs = [seen[i : i + rows] for i in range(0, len(seen), rows)]
    for epoch in epochs[:-1]:
        assert sorted(epoch) == list(range(rows))
    assert len(set(epochs[-1])) == len(epochs[-1])
    if rows > 20 and len(epochs) > 2:
        assert list(epochs[0]) != list(epochs[1])


@given(step=st.integers(0, 500), seed=st.integers(0, 9))
def test_a_step_alone_says_which_rows_and_masks(step: int, seed: int) -> None:
    rows = rows_of_step(step, seed=seed, batch=8, rows=50)
    np.random.seed(step)  # what others draw must not matter
    assert np.array_equal(rows, rows_of_step(step, seed=seed, batch=8, rows=50))
    one, again = masked(seed, step), masked(seed, step)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[1], masked(seed, step + 1)[1])
    assert not np.array_equal(one[1], masked(seed + 1, step)[1])


def masked(
    seed: int, step: int, *, probability: float = 0.3, rows: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.random.default_rng(1).integers(5, VOCABULARY, (rows, 64))
    return mask_tokens(
        tokens,
        np.ones(tokens.shape, dtype=bool),
        seed=seed,
        step=step,
        probability=probability,
        mask_id=MASK,
        vocabulary=VOCABULARY,
    )


def test_eighty_ten_ten_and_nothing_else_changes() -> None:
    rows = 16_000
    tokens = np.random.default_rng(1).integers(5, VOCABULARY, (rows, 64))
    inputs, chosen = masked(0, 0, probability=0.15, rows=rows)
    assert np.array_equal(inputs[~chosen], tokens[~chosen])
    count = int(chosen.sum())
    shares = {
        "chosen": (count / tokens.size, 0.15, tokens.size),
        "mask": ((inputs[chosen] == MASK).mean(), 0.8 + 0.1 / VOCABULARY, count),
        "same": ((inputs[chosen] == tokens[chosen]).mean(), 0.1 + 0.1 / VOCABULARY, count),
    }
    for name, (share, expected, trials) in shares.items():
        # Five standard errors of a binomial share.
        assert abs(share - expected) < 5 * (expected * (1 - expected) / trials) ** 0.5, name
    random = inputs[chosen & (inputs != MASK) & (inputs != tokens)]
    assert random.min() < VOCABULARY * 0.01 and random.max() > VOCABULARY * 0.99
    assert abs(random.mean() - (VOCABULARY - 1) / 2) < 5 * VOCABULARY / (12 * len(random)) ** 0.5


def test_what_may_not_be_masked_never_is() -> None:
    tokens = np.arange(64).reshape(4, 16)
    maskable = tokens % 3 == 0
    for step in range(50):
        _, chosen = mask_tokens(
            tokens, maskable, seed=0, step=step, probability=0.9, mask_id=MASK, vocabulary=64
        )
        assert not chosen[~maskable].any() and chosen.any()
