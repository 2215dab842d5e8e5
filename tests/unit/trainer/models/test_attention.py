"""Our attention and dropout in transformers' models: torch's, where nothing is dropped."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from lingraft.families import family_of
from lingraft_trainer.models.attention import as_bias, by_products, with_quick_layers
from lingraft_trainer.models.dropout import Dropout
from lingraft_trainer.models.family import AUTO
from tests.support.tiny import MODEL_TYPES, pad_of, tiny_config, tiny_model

BOTH = (torch.bfloat16, torch.float32)
NEXT_TO_NOTHING = 1e-6
"""A share that rounds to 0: our attention runs, and drops nothing."""


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("width", [8, 64])
def test_attention_in_bf16_is_that_in_fp32(width: int, masked: bool) -> None:
    torch.manual_seed(0)
    piece = torch.arange(12) // 7  # two in a row
    seen = (piece[:, None] == piece)[None, None] if masked else None
    given = [torch.randn(2, 3, 12, width).bfloat16() for _ in range(3)]
    low, exact = ([t.to(kind, copy=True).requires_grad_() for t in given] for kind in BOTH)
    found = by_products(low[0], low[1], low[2], as_bias(seen, torch.bfloat16))
    wanted = scaled_dot_product_attention(exact[0], exact[1], exact[2], attn_mask=seen)
    weights = torch.randn_like(wanted)
    for one in (found, wanted):
        (one * weights).sum().backward()
    assert found.dtype == torch.bfloat16
    pairs = [(found, wanted), *((a.grad, b.grad) for a, b in zip(low, exact, strict=True))]
    for one, other in pairs:
        assert one is not None and other is not None
        assert (one.float() - other).norm() < 0.01 * other.norm()


@pytest.mark.parametrize("dtype", BOTH)
def test_a_position_that_sees_nothing_gives_numbers_and_their_gradients(dtype: torch.dtype) -> None:
    q, k, v = (torch.randn(1, 2, 5, 4, dtype=dtype, requires_grad=True) for _ in range(3))
    seen = torch.ones(1, 1, 5, 5, dtype=torch.bool).tril()
    seen[:, :, 3] = False
    found = by_products(q, k, v, as_bias(seen, dtype))
    found[:, :, :3].sum().backward()
    assert found.isfinite().all()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in (q, k, v))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_model_computes_what_it_did_where_nothing_is_dropped(model_type: str) -> None:
    ids = torch.randint(5, 30, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 7:] = mask[2, 2:] = 0
    results = []
    for quick in (False, True):
        model: Any = tiny_model(model_type)
        if quick:
            model.config.attention_probs_dropout_prob = NEXT_TO_NOTHING
            with_quick_layers(model).train()
            for module in model.modules():
                assert type(module) is not nn.Dropout
                if isinstance(module, Dropout):
                    module.p = NEXT_TO_NOTHING
        out = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        out[mask.bool()].square().sum().backward()
        grads = [p.grad for p in model.base_model.parameters() if p.grad is not None]
        results.append([out[mask.bool()], *grads])
    for plain, found in zip(*results, strict=True):
        torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_batch_without_padding_is_seen_as_with_it(model_type: str, dtype: torch.dtype) -> None:
    """transformers leaves a mask out where torch's attention makes it: ours has to make it too."""
    short = torch.randint(5, 30, (2, 6), generator=torch.Generator().manual_seed(0))
    padded = torch.cat([short, torch.full_like(short, pad_of(model_type))], dim=1)
    mask = torch.cat([torch.ones_like(short), torch.zeros_like(short)], dim=1)
    model: Any = tiny_model(model_type)
    for name in family_of(model_type).dropouts:
        if name.startswith("attention"):
            setattr(model.config, name, NEXT_TO_NOTHING)
    with_quick_layers(model).train()
    for module in model.modules():
        for name in ("attention_dropout", "dropout_prob"):
            if hasattr(module, name):
                setattr(module, name, NEXT_TO_NOTHING)
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype, enabled=dtype == torch.bfloat16):
        alone = model.base_model(input_ids=short, attention_mask=mask[:, :6]).last_hidden_state
        beside = model.base_model(input_ids=padded, attention_mask=mask).last_hidden_state[:, :6]
    off = (alone.float() - beside.float()).norm() / beside.float().norm()
    assert off < (1e-5 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_attention_is_dropped_from_in_training_only(model_type: str) -> None:
    config = tiny_config(model_type)
    for name in family_of(model_type).dropouts:
        setattr(config, name, 0.5 if name.startswith("attention") else 0.0)
    auto = AUTO[family_of(model_type).objective]
    model: Any = with_quick_layers(auto.from_config(config))
    ids = torch.arange(5, 17)[None]
    first, again = (model.train().base_model(ids).last_hidden_state for _ in range(2))
    assert not torch.equal(first, again)
    first, again = (model.eval().base_model(ids).last_hidden_state for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_in_bf16_products_are_taken_and_as_near_to_fp32_as_torchs_own(
    model_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = torch.randint(5, 30, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    model = tiny_model(model_type)

    def states() -> torch.Tensor:
        body: Any = model.base_model
        cache = {"use_cache": False} if family_of(model_type).causal else {}
        found = body(ids, attention_mask=mask, **cache)
        return found.last_hidden_state.float()[mask.bool()]

    with torch.no_grad():
        exact = states()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fused = states()
            with_quick_layers(model)
            monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", None)
            found = states()
    assert (found - exact).norm() < 1.5 * (fused - exact).norm() < 0.05 * exact.norm()
