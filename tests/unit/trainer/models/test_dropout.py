"""Quick dropout drops the share that was asked, by torch's seed, and changes nothing else."""

from typing import Any

import pytest
import torch
from torch import nn

from lingraft_trainer.models.dropout import Dropout, drop, with_quick_dropout
from tests.support.tiny import MODEL_TYPES, tiny_model

NEXT_TO_NOTHING = 1e-6
"""A share that rounds to 0: our attention runs, and drops nothing."""


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(0)
    found = drop(torch.ones(1000, 1001), p)
    assert float((found == 0).float().mean()) == pytest.approx(p, abs=0.002)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.01)
    assert float(found.max()) == pytest.approx(1 / (1 - p), rel=1e-3)


def test_what_is_dropped_depends_on_the_seed_alone_and_not_on_its_neighbour() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.stack([drop(torch.ones(999), 0.5) for _ in range(100)]) == 0

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    mask = drawn(1).double()
    assert not torch.equal(mask[0], mask[1])
    for apart in (1, 2, 3, 4):  # four of them come of one random number
        both = (mask[:, :-apart] * mask[:, apart:]).mean()
        assert float(both) == pytest.approx(0.25, abs=0.01)


def test_all_and_nothing() -> None:
    x = torch.randn(7)
    assert drop(x, 0.0) is x and not drop(x, 1.0).any()
    dropout = Dropout(0.5).eval()
    assert torch.equal(dropout(x), x)


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
            with_quick_dropout(model).train()
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


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_attention_is_dropped_from_in_training_only(model_type: str) -> None:
    model: Any = with_quick_dropout(tiny_model(model_type))
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    for layer in model.base_model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    ids = torch.arange(5, 17)[None]
    first, again = (model.train().base_model(ids).last_hidden_state for _ in range(2))
    assert not torch.equal(first, again)
    first, again = (model.eval().base_model(ids).last_hidden_state for _ in range(2))
    assert torch.equal(first, again)
