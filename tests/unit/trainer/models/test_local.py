"""Layers that look at near tokens alone keep their places and their reach in a mini-model."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoConfig

from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.near import near_attention, pays
from tests.support.tiny import tiny_base


@pytest.mark.parametrize("positions", ["absolute", "sans_pos"])  # ModernBERT's, mmBERT's
def test_the_bottom_of_a_published_config_has_its_bases_pattern(
    tmp_path: Path, positions: str
) -> None:
    base = tiny_base("modernbert", tmp_path / "base", layers=6)
    file = base / "config.json"
    config = json.loads(file.read_text())
    kinds = config.pop("layer_types")
    config.pop("rope_parameters")
    older = {"global_attn_every_n_layers": 3, "global_rope_theta": 1e5, "local_rope_theta": 1e4}
    file.write_text(json.dumps(config | older | {"position_embedding_type": positions}))
    bottom = load_lm(base, layers=4).model
    assert bottom.config.layer_types == kinds[:4]
    assert bottom.config.rope_parameters["full_attention"]["rope_theta"] == 1e5
    bottom.save_pretrained(tmp_path / "mini")
    again = AutoConfig.from_pretrained(tmp_path / "mini")
    assert (again.layer_types, again.num_hidden_layers) == (kinds[:4], 4)


@pytest.mark.parametrize("length", [21, 32, 40, 47])
def test_stretches_are_the_whole_under_a_mask(length: int) -> None:
    torch.manual_seed(0)
    window = 5
    assert pays(length, window) and not pays(20, window)
    at = torch.arange(length)
    bias = torch.zeros(1, 1, length, length)
    bias.masked_fill_((at[:, None] - at).abs() > window, float("-inf"))
    given = [torch.randn(2, 3, length, 8, requires_grad=True) for _ in range(3)]

    def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        return scaled_dot_product_attention(q, k, v, attn_mask=bias)

    found = near_attention(attend, given[0], given[1], given[2], bias, window)
    wanted = attend(given[0], given[1], given[2], bias)
    torch.testing.assert_close(found, wanted)
    weights = torch.randn_like(wanted)
    pairs = zip(*(torch.autograd.grad(one, given, weights) for one in (found, wanted)), strict=True)
    for ours, plain in pairs:
        torch.testing.assert_close(ours, plain)
