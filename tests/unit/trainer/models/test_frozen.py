"""A frozen body's own functions give what transformers' modules give: loss and gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from lingraft.families import Family, family_of
from lingraft_trainer.models.family import embeddings, encoder_layers, output
from lingraft_trainer.models.frozen import FrozenBody
from lingraft_trainer.models.slots import Slots, padded
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.training.lm import (
    FrozenObjective,
    LmObjective,
    lm_objective,
)
from lingraft_trainer.training.lm_data import LmBatch, batch_of
from lingraft_trainer.training.targets import Targets, causal_targets
from tests.support.tiny import LENGTH, MODEL_TYPES, pad_of, tiny_model

PIECES = {
    "one piece a row": [[LENGTH]] * 4,
    "packed and padded": [[9, 14, 6], [LENGTH], [5], [20, 7]],
}
QUICK = tuple(name for name in MODEL_TYPES if family_of(name).frozen)
BOTH = (torch.bfloat16, torch.float32)
MASKS = ("as usual", "a row without", "one token", "none")


def batch(rows: list[list[int]], mask: str, model_type: str) -> LmBatch:
    rng = np.random.default_rng(1)
    pad = pad_of(model_type)
    tokens = np.full((len(rows), LENGTH), pad, dtype=np.int64)
    segments = np.zeros((len(rows), LENGTH), dtype=np.uint8)
    for row, lengths in enumerate(rows):
        numbers = np.repeat(np.arange(1, len(lengths) + 1), lengths)
        segments[row, : len(numbers)] = numbers
        tokens[row, : len(numbers)] = rng.integers(5, 40, len(numbers))
    family = family_of(model_type)
    share = {"none": 0.0, "one token": 0.0}.get(mask, 0.3)
    chosen = (rng.random(tokens.shape) < share) & (segments > 0)
    targets = Targets(np.where(chosen, 4, tokens), tokens, chosen)
    if family.causal:
        targets = causal_targets(tokens, segments)
        chosen = targets.told if share else chosen
    if mask == "a row without":
        chosen[1] = False
    if mask == "one token":
        chosen[2, 3] = True
    return batch_of(targets._replace(told=chosen), segments, family, pad_id=pad)


def outcome(
    kind: Callable[[PreTrainedModel, Family], nn.Module],
    model_type: str,
    given: LmBatch,
    *,
    tied: bool = True,
) -> dict[str, Tensor]:
    model, family = tiny_model(model_type, tied=tied), family_of(model_type)
    train_embeddings_only(model)
    loss = kind(model, family)(given)
    loss.backward()
    return {"loss": loss.detach()} | learned_gradients(model)


def learned_gradients(model: PreTrainedModel) -> dict[str, Tensor]:
    learned = {"weight": embeddings(model).weight, "output": output(model).weight}
    bias: Any = output(model).bias
    if bias is not None:
        learned["bias"] = bias
    found = {name: one.grad for name, one in learned.items()}
    return {name: grad for name, grad in found.items() if grad is not None}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
@pytest.mark.parametrize("model_type", QUICK)
def test_loss_and_gradients_are_those_of_the_plain_path(
    model_type: str, pieces: list[list[int]], mask: str
) -> None:
    given = batch(pieces, mask, model_type)
    plain = outcome(LmObjective, model_type, given)
    found = outcome(FrozenObjective, model_type, given)
    for name, expected in plain.items():
        scale = float(expected.abs().max()) or 1.0
        error = float((found[name] - expected).abs().max()) / scale
        assert error < 2e-5, f"{name}: {error:.1e}"
    assert bool(plain["weight"].any()) == (mask != "none")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_loss_and_gradients_are_transformers_own_of_each_piece_alone(
    model_type: str, pieces: list[list[int]], tied: bool
) -> None:
    given = batch(pieces, "as usual", model_type)
    found = outcome(lm_objective, model_type, given, tied=tied)
    plain: Any = tiny_model(model_type, tied=tied)
    train_embeddings_only(plain)
    labels = torch.full_like(given.input_ids, -100)
    labels.view(-1)[given.told[: len(given.labels)]] = given.labels
    loss = torch.zeros(())
    for row, lengths in enumerate(pieces):
        for ids, wanted in zip(
            given.input_ids[row, : sum(lengths)].split(lengths),
            labels[row, : sum(lengths)].split(lengths),
            strict=True,
        ):
            logits = plain(ids[None]).logits[0]
            loss = loss + cross_entropy(logits, wanted, reduction="sum")
    loss.backward()
    expected = {"loss": loss.detach()} | learned_gradients(plain)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        error = float((found[name] - tensor).abs().max() / tensor.abs().max())
        assert error < 2e-5, f"{name}: {error:.1e}"


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", [LmObjective, FrozenObjective])
@pytest.mark.parametrize("model_type", ["roberta", "llama", "gemma2"])
def test_of_output_only_updates_nothing_goes_back_through_the_body(
    model_type: str, kind: Any, tied: bool
) -> None:
    given = replace(batch(PIECES["packed and padded"], "as usual", model_type), output_only=True)
    found = outcome(kind, model_type, given, tied=tied)
    whole = outcome(kind, model_type, replace(given, output_only=False), tied=tied)
    torch.testing.assert_close(found["loss"], whole["loss"])
    if not tied:  # what the decoder learns is what it always does, and the inputs learn nothing
        torch.testing.assert_close(found["output"], whole["output"])
        assert not found["weight"].any()
    else:
        model = tiny_model(model_type)
        own = embeddings(model).weight.detach().clone()
        train_embeddings_only(model)
        apart = nn.Parameter(own)
        output(model).weight = apart
        objective = kind(model, family_of(model_type))
        objective(replace(given, output_only=False)).backward()
        torch.testing.assert_close(found["weight"], apart.grad)


def test_the_models_own_weights_stay_what_they_were() -> None:
    model, family = tiny_model("roberta"), family_of("roberta")
    train_embeddings_only(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    FrozenObjective(model, family)(batch([[LENGTH]], "as usual", "roberta"))
    after = model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("dtype", BOTH)
def test_nothing_is_held_twice(dtype: torch.dtype) -> None:
    model, family = tiny_model("roberta"), family_of("roberta")
    layers = encoder_layers(model, family)
    body = FrozenBody(model, family, dtype)
    products = [part for part in layers.modules() if isinstance(part, nn.Linear)]
    held = {p.untyped_storage().data_ptr() for part in products for p in part.parameters()}
    pairs = [pair for one in body.layers for pair in (one.qkv, one.out, one.up, one.down)]
    own = [tensor for pair in pairs for tensor in pair if tensor is not None]
    assert held == {tensor.untyped_storage().data_ptr() for tensor in own}
    assert {tensor.dtype for tensor in own} == {dtype}


def test_it_is_taken_where_nothing_but_the_embeddings_trains_and_nothing_is_dropped() -> None:
    model, family = tiny_model("bert"), family_of("bert")
    assert isinstance(lm_objective(model, family), LmObjective)
    train_embeddings_only(model)
    assert isinstance(lm_objective(model, family), FrozenObjective)
    model.config.hidden_dropout_prob = 0.1
    assert isinstance(lm_objective(model, family), LmObjective)


@pytest.mark.parametrize("model_type", QUICK)
def test_in_bf16_it_is_as_near_to_fp32_as_the_plain_path_is(model_type: str) -> None:
    given = batch(PIECES["packed and padded"], "as usual", model_type)
    exact = outcome(LmObjective, model_type, given)["weight"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain = outcome(LmObjective, model_type, given)["weight"]
        found = outcome(FrozenObjective, model_type, given)["weight"]
    assert found.dtype == torch.float32
    errors = [float((one - exact).norm() / exact.norm()) for one in (plain, found)]
    assert 0 < errors[1] < 2 * errors[0] < 0.5


@pytest.mark.parametrize("model_type", QUICK)
def test_in_bf16_what_layers_add_to_stays_fp32(model_type: str) -> None:
    model, family = tiny_model(model_type), family_of(model_type)
    body = FrozenBody(model, family, torch.bfloat16)
    x_BSH = torch.randn(2, 8, model.config.hidden_size)
    masked = np.arange(0, 16, 3)
    slots = Slots.of(masked, 8, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = body(
            x_BSH, None, torch.from_numpy(padded(masked)), slots, torch.arange(8).expand(2, 8)
        )
    assert found.dtype == torch.float32
