"""The bridge's fit: least squares, on what the base makes of masked text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.bridge import read_bridge
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.stages.bridge import _moments, _solved
from lingraft_trainer.stages.embed import embed
from lingraft_trainer.stages.mini import mini
from lingraft_trainer.training.lm_data import batch_of
from lingraft_trainer.training.targets import causal_targets
from tests.support.tiny import (
    MASKED_TYPES,
    MODEL_TYPES,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    training,
)


def bridged(tokens: int = 4096, share: float | None = 0.3) -> dict[str, Any]:
    wanted = {"tokens": tokens, "maskProbability": share}
    mini = {"method": "MiniPost", "layers": 1, "newLayers": 1, "newLayersFrom": "Top"}
    return mini | {"training": None, "bridge": wanted}


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(3, 8))
@settings(max_examples=30, deadline=None)
def test_what_is_linear_is_found(seed: int, size: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    low = torch.randn(40 * size, size, generator=generator, dtype=torch.float64)
    weight = torch.randn(size, size, generator=generator, dtype=torch.float64)
    bias = torch.randn(size, generator=generator, dtype=torch.float64)
    high = low + low @ weight.T + bias
    found = _solved(*_moments(low, high), 3)
    assert found.layers == 3
    told = low + low @ found.weight.double().T + found.bias
    shares = 1 / high.square().sum(dim=1, keepdim=True)
    assert (shares * (told - high).square()).sum() < 1e-3 * len(low)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_it_comes_nearer_to_what_the_left_out_layers_give(model_type: str, tmp_path: Path) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    corpus = tiny_corpus(model_type, SOURCE_WORDS, tmp_path / "corpus")
    share = 0.3 if model_type in MASKED_TYPES else None
    ctx = context(tmp_path, bridged(share=share), base=base, corpus=corpus)
    result = mini(ctx)
    assert {"heldoutLoss", "heldoutLossWithoutBridge", "baseHeldoutLoss"} <= set(result.metrics)
    assert result.compute.flops > 0 and result.compute.tokens > 0
    bridge = read_bridge(ctx.out)
    assert bridge is not None and bridge.layers == 1
    low, high = states(base, PackedText(corpus / "train"))
    shares = 1 / high.square().sum(dim=1, keepdim=True)
    with_it = low + low @ bridge.weight.T + bridge.bias
    errors = [(shares * (one - high).square()).sum() for one in (with_it, low)]
    assert errors[0] < 0.9 * errors[1]


@torch.no_grad()
def states(base: Path, text: PackedText) -> tuple[torch.Tensor, torch.Tensor]:
    """Below layer 1 and below the last, of all tokens, none of them masked."""
    loaded = load_lm(base)
    tokens, segments = text.take(np.arange(text.rows))
    targets = causal_targets(tokens, segments)  # nothing is masked
    batch = batch_of(targets, segments, loaded.family, pad_id=text.pad_id)
    model: Any = loaded.model.eval()
    arguments = (batch.input_ids, batch.attention, batch.position_ids)
    found = body_output(model, loaded.family, *arguments, every_layer=True).hidden_states
    real = torch.from_numpy(segments > 0)
    return found[1][real], found[model.config.num_hidden_layers - 1][real]


def test_step_2_goes_over_it(tmp_path: Path) -> None:
    """With the bridge, and with the same mini-model whose bridge is lost, it learns otherwise."""
    base = tiny_base("bert", tmp_path / "base")
    source = tiny_corpus("bert", SOURCE_WORDS, tmp_path / "source")
    corpus = tiny_corpus("bert", TARGET_WORDS, tmp_path / "corpus")
    made = context(tmp_path / "mini", bridged(), base=base, corpus=source)
    mini(made)
    params = {"method": "MiniPost", "init": "overlap", "training": training()}
    flops: list[float] = []
    losses: list[float] = []
    for name in ("with", "without"):
        ctx = context(tmp_path / name, params, base=base, corpus=corpus, model=made.out)
        result = embed(ctx)
        flops.append(result.compute.flops)
        losses.append(result.metrics["finalLoss"])
        (made.out / "bridge.safetensors").unlink(missing_ok=True)
    assert flops[0] > flops[1] and losses[0] != losses[1]


def test_it_wants_enough_text(tmp_path: Path) -> None:
    base = tiny_base("bert", tmp_path / "base")
    corpus = tiny_corpus("bert", SOURCE_WORDS, tmp_path / "corpus")
    with pytest.raises(UserError, match="too few to fit a bridge of") as error:
        mini(context(tmp_path, bridged(tokens=1), base=base, corpus=corpus))
    assert error.value.where == "spec.mini.text"
