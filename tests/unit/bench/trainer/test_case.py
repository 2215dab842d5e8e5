"""A case is one model and text for both sides, whatever the objective."""

import numpy as np
import pytest

from bench.trainer.case import MASK_PROBABILITY, Case


@pytest.mark.parametrize("family", ["roberta", "llama"])
def test_both_sides_read_full_rows_of_ordinary_tokens(family: str) -> None:
    case = Case(hidden=192, layers=3, vocabulary=300, length=32, batch_tokens=128, family=family)
    causal = family == "llama"
    assert case.mask_probability == (None if causal else MASK_PROBABILITY)
    model = case.model(2)
    assert model.config.num_hidden_layers == 2
    assert not causal or model.config.num_key_value_heads == 1
    with case.text() as text:
        assert text.rows >= 8 * 4
        tokens, segments = text.take(np.arange(4))
        assert (segments == 1).all() and tokens.shape == (4, 32)


def test_a_causal_update_has_its_head_at_every_token_on_both_sides() -> None:
    case = Case(hidden=192, vocabulary=300, family="llama")
    assert case.flops(3, every_position=False) == case.flops(3, every_position=True)
