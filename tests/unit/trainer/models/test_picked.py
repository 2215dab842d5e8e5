"""A mini-model of a base's bottom and top is the base with the layers between left out."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lingraft.families import family_of
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.config import pick
from lingraft_trainer.models.family import AUTO, encoder_layers
from lingraft_trainer.models.picked import save_picked
from tests.support.tiny import MODEL_TYPES, tiny_base

KEPT = (0, 1, 3)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_it_is_the_base_with_layers_left_out(model_type: str, tmp_path: Path) -> None:
    whole = tiny_base(model_type, tmp_path / "base")
    depth = len(list(encoder_layers(load_lm(whole).model, family_of(model_type))))
    kept = tuple(layer for layer in KEPT if layer < depth)
    save_picked(whole, kept, tmp_path / "mini")
    mini = load_lm(tmp_path / "mini")
    assert mini.has_head and mini.dtype == torch.float32
    expected = load_lm(whole).model
    layers = encoder_layers(expected, mini.family)
    assert isinstance(layers, nn.ModuleList)
    for layer in sorted(set(range(depth)) - set(kept), reverse=True):
        del layers[layer]
    pick(expected.config, kept)
    ids = torch.arange(5, 25).reshape(2, 10)
    cache = {"use_cache": False} if mini.family.causal else {}  # it numbers layers as they were
    found, wanted = mini.model.eval()(ids, **cache).logits, expected.eval()(ids, **cache).logits
    torch.testing.assert_close(found, wanted)
    again = AUTO[mini.family.objective].from_pretrained(tmp_path / "mini").eval()
    torch.testing.assert_close(again(ids).logits, wanted)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_layers_are_renumbered_and_nothing_else(model_type: str) -> None:
    family = family_of(model_type)
    for name in (
        f"{family.layers}12.a.1.weight",
        f"{family.layers}12.a.1.weight".removeprefix(family.body),
    ):
        assert family.layer_of(family.renumbered(name, 3)) == 3
        assert family.renumbered(family.renumbered(name, 3), 12) == name
    assert family.renumbered("a.1.weight", 3) == "a.1.weight"
