"""A calibrated start tells every token about as often as the text has it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lingraft.families import family_of
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.calibrate import Calibration, calibrate
from lingraft_trainer.models.family import embeddings, output
from lingraft_trainer.training.lm import heldout_score
from tests.support.tiny import TARGET_WORDS, pack, tiny_model, tiny_tokenizer

UNTIED = ("qwen2",)


def skewed(model_type: str, folder: Path, documents: int = 80) -> PackedText:
    """Text in which each word is half as frequent as the one before."""
    rng = np.random.default_rng(2)
    share = 0.5 ** np.arange(len(TARGET_WORDS))
    texts = [
        " ".join(rng.choice(TARGET_WORDS, rng.integers(5, 25), p=share / share.sum()))
        for _ in range(documents)
    ]
    pack(tiny_tokenizer(model_type, TARGET_WORDS), texts, folder)
    return PackedText(folder)


@pytest.mark.parametrize("model_type", ["llama", "gemma2", "qwen2", "roberta", "electra"])
def test_what_is_told_comes_near_to_the_texts_frequencies(model_type: str, tmp_path: Path) -> None:
    text, family = skewed(model_type, tmp_path / "text"), family_of(model_type)
    tied = model_type not in UNTIED
    model: Any = tiny_model(model_type, vocabulary=text.vocab_size, tied=tied)
    rows, bias = embeddings(model).weight.clone(), output(model).bias
    with torch.no_grad():
        for parameter in model.parameters():  # as of trained models, states have a mean
            if parameter.ndim == 1 and parameter is not bias:
                parameter.add_(1.0)
        if bias is not None:
            bias.zero_()
    scores = [heldout_score(model, family, text, where="")]
    found = calibrate(model, family, text)
    scores.append(heldout_score(model, family, text, where=""))
    assert found.after < 0.5 * found.before
    assert scores[1].bits_per_byte < scores[0].bits_per_byte
    assert torch.equal(rows, embeddings(model).weight) == (bias is not None or not tied)
    assert bias is None or bias.any()
    again = calibrate(model, family, text)
    if tied and bias is None:  # the rows that moved are read too: that much is left
        assert again.before < 0.5 * found.before
    else:
        assert again.before == pytest.approx(found.after, abs=1e-4)
    assert again.after <= again.before


def test_eps_is_a_share_of_one_occurrences_gradient() -> None:
    """By the prototype: 3e-4 for states of about 3, and 1,024 tokens in an update."""
    assert Calibration(1.0, 0.0, 3.07).eps(1024) == pytest.approx(3e-4)
    assert Calibration(1.0, 0.0, 3.07).eps(10_240) == pytest.approx(3e-5)
