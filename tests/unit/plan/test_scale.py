"""The rules by which defaults scale: bounds, direction, and the points they were made from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.plan.scale import (
    ENOUGH_UPDATES,
    EPOCHS,
    LEAST_BATCH,
    REFERENCE_BATCH,
    batch_tokens,
    layers_rate,
    mini_tokens,
    rows_rate,
    tokens,
    updates,
    vocabulary,
)
from tests.support.specs import ROBERTA_BASE

TEXTS = st.integers(1, 10**13)
LENGTHS = st.integers(16, 131_072)


@given(TEXTS, LENGTHS)
def test_a_batch_is_a_power_of_two_of_whole_rows(text: int, length: int):
    batch = batch_tokens(tokens(text), length)
    rows, rest = divmod(batch, length)
    assert rest == 0 and rows.bit_count() == 1
    assert batch <= REFERENCE_BATCH
    assert rows == 1 or batch > LEAST_BATCH / 2


@given(TEXTS, TEXTS)
def test_more_text_gets_no_smaller_batch_nor_vocabulary(one: int, other: int):
    less, more = sorted((one, other))
    assert batch_tokens(tokens(less), 512) <= batch_tokens(tokens(more), 512)
    assert vocabulary(less, "sw") <= vocabulary(more, "sw")


@given(st.integers(1_050_000, 10**13))
def test_from_a_megabyte_on_there_are_thousands_of_updates(text: int):
    batch = batch_tokens(tokens(text), 512)
    found = updates(tokens(text), batch)
    assert found >= ENOUGH_UPDATES
    # What is trained on is the same 40 epochs, in however many updates.
    if found < 125_000:
        assert found * batch == pytest.approx(EPOCHS * text / 4, rel=1 / ENOUGH_UPDATES)


@given(TEXTS, st.integers(8, 4096), st.integers(0, 4))
def test_step_1b_reads_no_more_than_it_can_use_and_enough_of_it(text: int, hidden: int, new: int):
    shape = ROBERTA_BASE.model_copy(update={"hidden": hidden, "intermediate": 4 * hidden})
    wanted = mini_tokens(text, shape, new)
    parameters = hidden**2 * (12 * new + 1)
    assert wanted <= tokens(text)
    assert wanted in (tokens(text), 20 * parameters, ENOUGH_UPDATES * LEAST_BATCH)
    assert wanted == tokens(text) or wanted >= ENOUGH_UPDATES * LEAST_BATCH


@given(TEXTS)
def test_vocabularies_are_multiples_of_64_between_their_bounds(text: int):
    size = vocabulary(text, None)
    assert 512 <= size <= 50_000
    assert size % 64 == 0 or size == 50_000
    assert size <= vocabulary(text, "ja") <= max(512, 4 * size + 256)


# Bytes of text, and the most tokens that sentencepiece's unigram could make of it (measured, on
# parts of Bibles); for the last three also the letters that it must hold.
SUPPORTED = [
    ("fr", 143_869, 2_603, 72),
    ("en", 9_691_436, 13_956, 75),
    ("vi", 240_179, 1_498, 129),
    ("vi", 4_035_066, 3_977, 138),
    ("fa", 5_668_376, 10_792, 60),
    ("bn", 139_177, 1_376, 74),
    ("zh", 52_908, 2_613, 1_068),
    ("ja", 79_358, 1_921, 748),
    ("ko", 676_434, 6_109, 971),
]


@pytest.mark.parametrize(("language", "size", "most", "letters"), SUPPORTED)
def test_the_default_vocabulary_is_one_that_the_text_supports(
    language: str, size: int, most: int, letters: int
):
    assert letters < vocabulary(size, language) <= most


# Hidden size, and the best or only rate that is known to work (docs/defaults.md).
ROWS = [(128, 1e-2), (384, 2e-3), (576, 1e-3), (768, 7e-4)]
LAYERS = [(768, 2048 * 512, 7e-4), (768, 256 * 512, 2e-4), (256, 128 * 128, 5e-4)]


@pytest.mark.parametrize(("hidden", "rate"), ROWS)
def test_rates_of_rows_are_those_that_worked(hidden: int, rate: float):
    assert rows_rate(hidden) == pytest.approx(rate, rel=0.15)


@pytest.mark.parametrize(("hidden", "batch", "rate"), LAYERS)
def test_rates_of_layers_are_those_that_worked(hidden: int, batch: int, rate: float):
    assert math.log2(layers_rate(hidden, batch) / rate) == pytest.approx(0, abs=0.5)


@given(st.integers(8, 65_536), st.integers(1, 2**27))
def test_a_smaller_batch_is_never_trained_at_a_higher_rate(hidden: int, batch: int):
    assert 0 < layers_rate(hidden, batch) <= layers_rate(hidden, 2 * batch) <= rows_rate(hidden)
    assert rows_rate(hidden) <= 1e-2
