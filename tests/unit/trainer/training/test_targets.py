"""Two objectives: what each feeds, what it has to tell, and where."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lingraft.families import family_of
from lingraft.params import LmTraining
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.training.lm import heldout_score
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.targets import causal_targets, ordinary
from tests.support.tiny import CAUSAL_TYPES, SOURCE_WORDS, tiny_corpus, tiny_model, training

ROWS = arrays(np.int64, (3, 9), elements=st.integers(0, 5))
CUTS = arrays(np.bool_, (3, 9))


@given(tokens=ROWS, cuts=CUTS, padded=st.integers(0, 9))
def test_the_next_token_is_told_wherever_it_is_of_the_same_piece(
    tokens: Any, cuts: Any, padded: int
) -> None:
    segments = (1 + cuts.cumsum(axis=1)).astype(np.uint8)
    segments[:, 9 - padded :] = 0
    found = causal_targets(tokens, segments)
    assert np.array_equal(found.inputs, tokens)
    for row in range(3):
        for at in range(9):
            followed = at < 8 and segments[row, at] == segments[row, at + 1] != 0
            assert found.told[row, at] == followed
            assert not followed or found.wanted[row, at] == tokens[row, at + 1]


def test_every_worker_counts_what_the_whole_batch_tells(tmp_path: Path) -> None:
    corpus = tiny_corpus("llama", SOURCE_WORDS, tmp_path)
    text, family = PackedText(corpus / "train"), family_of("llama")
    params = LmTraining.model_validate(training("llama"))
    data = LmData(text, params, family, micro_batch_tokens=64)
    whole, parts = data(3, 0, 1), [data(3, rank, 2) for rank in range(2)]
    assert {one.count for one in (whole, *parts)} == {whole.count}
    told = sum(len(batch.labels) for part in parts for batch in part.micro_batches)
    assert told == whole.count > 0.9 * (whole.tokens - 8 * 3)


@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_held_out_bits_are_transformers_own_of_every_ordinary_token(
    model_type: str, tmp_path: Path
) -> None:
    text = PackedText(tiny_corpus(model_type, SOURCE_WORDS, tmp_path) / "heldout")
    model: Any = tiny_model(model_type, vocabulary=text.vocab_size)
    found = heldout_score(model, family_of(model_type), text, where="")
    nats, told, seen = 0.0, 0, 0
    rows, segments = text.take(np.arange(text.rows))
    for row, numbers in zip(rows, segments, strict=True):
        for number in range(1, numbers.max() + 1):
            piece = row[numbers == number]
            with torch.no_grad():
                logits = model(torch.from_numpy(piece)[None]).logits[0]
            of_each = logits.log_softmax(-1)[:-1].gather(1, torch.from_numpy(piece)[1:, None])[:, 0]
            counts = torch.from_numpy(ordinary(piece[1:], text))
            nats -= float(of_each[counts].sum())
            told, seen = told + int(counts.sum()), seen + int(ordinary(piece, text).sum())
    assert told == seen  # every piece begins with a special token, so that none goes untold
    assert found.to_json()["causalLmLoss"] == pytest.approx(nats / told, rel=1e-4)
    assert found.bits_per_byte == pytest.approx(nats / np.log(2) / text.bytes, rel=1e-4)


@pytest.mark.parametrize("model_type", [*CAUSAL_TYPES, "roberta"])
def test_bf16_scores_held_out_text_as_fp32_does(model_type: str, tmp_path: Path) -> None:
    text = PackedText(tiny_corpus(model_type, SOURCE_WORDS, tmp_path) / "heldout")
    model: Any = tiny_model(model_type, vocabulary=text.vocab_size)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    exact, low = (
        heldout_score(model, family_of(model_type), text, where="", precision=precision)
        for precision in ("fp32", "bf16")
    )
    assert low.bits_per_byte == pytest.approx(exact.bits_per_byte, rel=3e-3)
    assert low.bytes == exact.bytes == text.bytes
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
