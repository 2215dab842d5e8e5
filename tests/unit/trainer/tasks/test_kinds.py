"""Batches of like length: every feature once, little padding, and the same gradients."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lingraft.params import FinetuneParams
from lingraft_trainer.stages.finetune import TaskData
from lingraft_trainer.tasks.classify import Classification
from lingraft_trainer.tasks.kinds import (
    EVALUATION_BATCH,
    TaskBatch,
    _padded,
    batched,
    rows_at_once,
    unknown_rate,
)
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import smollm2
from tests.support.tiny import SOURCE_WORDS, tiny_tokenizer
from tests.unit.trainer.tasks.test_classify import LABELS, examples, model_of


@given(st.lists(st.integers(1, 128), max_size=60), st.integers(1, 20))
def test_every_feature_is_in_one_batch_of_at_most_so_many_rows(
    lengths: list[int], rows: int
) -> None:
    parts = batched(lengths, rows)
    assert sorted(i for part in parts for i in part) == list(range(len(lengths)))
    sizes = [len(part) for part in parts]
    assert not sizes or (max(sizes) <= rows and max(sizes) - min(sizes) <= 1)
    ordered = [lengths[i] for part in parts for i in part]
    assert ordered == sorted(lengths)


def test_a_cpu_takes_few_rows_at_once_and_other_devices_what_they_are_given() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert rows_at_once(cpu, 128) == rows_at_once(cpu, 128, 16384) == 8
    assert rows_at_once(cpu, 4096) == rows_at_once(gpu, 4096, 10) == 1
    assert rows_at_once(cpu, 128, 256) == 2, "the user's limit stays one"
    assert rows_at_once(gpu, 128) == EVALUATION_BATCH and rows_at_once(gpu, 128, 16384) == 128


@pytest.mark.parametrize("world", [1, 3])
def test_how_an_update_is_cut_changes_its_padding_but_not_its_gradients(world: int) -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    features = Classification().encode(examples(24), tokenizer, 24, LABELS)
    params = FinetuneParams(
        format="classification",
        source_language="en",
        epochs=1,
        batch_size=20,
        learning_rate=1e-3,
        max_length=24,
        dropout=0.0,
        seed=0,
    )
    padded, gradients = [], []
    for rows in (20, 3):
        model: Any = model_of("roberta", len(tokenizer))
        data = TaskData(features, tokenizer, params, micro_rows=rows)
        steps = [data(0, rank, world) for rank in range(world)]
        batches = [batch for step in steps for batch in step.micro_batches]
        assert sum(batch.rows for batch in batches) == steps[0].count == 20
        for batch in batches:
            (Classification().loss(model, batch) / 20).backward()
        padded.append(sum(batch.inputs["input_ids"].numel() for batch in batches))
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert padded[1] < (0.9 if world == 1 else 1) * padded[0]
    for whole, cut in zip(*gradients, strict=True):
        torch.testing.assert_close(cut, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("max_length", "expected"), [(16, 16), (13, 13), (10, 10)])
def test_padding_to_a_multiple_is_padding_and_stays_within_the_limit(
    max_length: int, expected: int
) -> None:
    names = ("input_ids", "attention_mask", "token_type_ids")
    batch = TaskBatch({name: torch.ones(2, 10, dtype=torch.long) for name in names}, torch.zeros(2))
    found = _padded(batch, 7, max_length)
    for name, value in zip(names, (7, 0, 0), strict=True):
        assert found.inputs[name].shape == (2, expected)
        assert (found.inputs[name][:, :10] == 1).all()
        assert (found.inputs[name][:, 10:] == value).all()


def test_an_end_that_is_also_called_the_unknown_token_is_not_unknown(tmp_path: Path) -> None:
    """SmolLM2, OLMo 2 and GPT-2 call the end of a document so, and their bytes know all text."""
    base = smollm2()
    base.config.update(dict.fromkeys(("bos_token", "eos_token", "pad_token"), "<|endoftext|>"))
    tokenizer: Any = load_base_tokenizer(base.write(tmp_path))
    assert tokenizer.unk_token == tokenizer.eos_token
    features = [{"input_ids": [*tokenizer.encode("cha"), tokenizer.eos_token_id]}]
    assert unknown_rate(features, tokenizer) == 0.0


@pytest.mark.parametrize("model_type", ["roberta", "llama"])
def test_what_the_models_vocabulary_lacks_is_unknown(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    features = [{"input_ids": tokenizer("the cat xyz sat")["input_ids"]}]
    assert unknown_rate(features, tokenizer) == 0.25
