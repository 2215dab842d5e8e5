"""A bridge between two layers: the same by transformers' forward pass and by the frozen path."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lingraft.families import family_of
from lingraft_trainer.models.bridge import Bridge, read_bridge, with_bridge
from lingraft_trainer.models.family import encoder_layers
from lingraft_trainer.models.frozen import FrozenBody
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.training.lm import FrozenObjective, LmObjective
from tests.support.tiny import MODEL_TYPES, tiny_model
from tests.unit.trainer.models.test_frozen import PIECES, batch, learned_gradients


def a_bridge(model: Any, layers: int = 1) -> Bridge:
    size = model.config.hidden_size
    generator = torch.Generator().manual_seed(3)
    weight = 0.1 * torch.randn(size, size, generator=generator)
    return Bridge(weight, 0.1 * torch.randn(size, generator=generator), layers)


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_both_paths_cross_it(model_type: str, pieces: list[list[int]]) -> None:
    given = batch(pieces, "as usual", model_type)
    family = family_of(model_type)
    found: list[dict[str, torch.Tensor]] = []
    for kind in (LmObjective, FrozenObjective):
        model = tiny_model(model_type)
        with_bridge(model, family, a_bridge(model))
        train_embeddings_only(model)
        if kind is FrozenObjective and not FrozenBody.fits(model, family):
            continue
        loss = kind(model, family)(given)
        loss.backward()
        found.append({"loss": loss.detach()} | learned_gradients(model))
    for name, value in found[-1].items():
        torch.testing.assert_close(value, found[0][name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_it_stands_before_its_layer_and_nowhere_else(model_type: str) -> None:
    given, family = batch([[32], [9, 14, 6]], "none", model_type), family_of(model_type)
    model: Any = tiny_model(model_type).eval()
    entered: list[torch.Tensor] = []

    def states() -> list[torch.Tensor]:
        arguments = (given.input_ids, given.attention, given.position_ids)
        with torch.no_grad():
            body = body_output(model, family, *arguments, every_layer=True)
        return list(body.hidden_states)

    before = states()
    bridge = a_bridge(model)
    with_bridge(model, family, bridge)
    encoder_layers(model, family)[1].register_forward_pre_hook(
        lambda _, args, kwargs: entered.append(args[0] if args else kwargs["hidden_states"]),
        with_kwargs=True,
    )
    after = states()
    torch.testing.assert_close(after[1], before[1])
    expected = before[1] + before[1] @ bridge.weight.T + bridge.bias
    torch.testing.assert_close(entered[0], expected)
    assert not torch.allclose(after[2], before[2])


def test_a_folder_gives_it_back(tmp_path: Path) -> None:
    assert read_bridge(tmp_path) is None
    bridge = a_bridge(tiny_model("bert"), layers=2)
    bridge.save(tmp_path)
    found = read_bridge(tmp_path)
    assert found is not None and found.layers == 2
    assert torch.equal(found.weight, bridge.weight) and torch.equal(found.bias, bridge.bias)
