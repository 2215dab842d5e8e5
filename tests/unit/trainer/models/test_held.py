"""Weights that stay in bf16 give what the same values give in fp32: loss, gradients, scores."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lingraft.families import family_of
from lingraft_trainer.models.checkpoint import LoadedModel, load_lm
from lingraft_trainer.models.family import encoder_layers
from lingraft_trainer.models.held import Held
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.stages.mini import mini
from lingraft_trainer.training.lm import LmObjective, lm_objective
from tests.support.tiny import MODEL_TYPES, SOURCE_WORDS, context, tiny_model, tiny_tokenizer
from tests.unit.trainer.models.test_frozen import PIECES, batch, learned_gradients

BF16 = torch.bfloat16
MAPS = Path("/proc/self/maps")


def narrow_base(model_type: str, folder: Path, dtype: torch.dtype = BF16) -> Path:
    model: Any = tiny_model(model_type)
    model.to(dtype).save_pretrained(folder)
    return folder


def outcome(loaded: LoadedModel, kind: Any) -> dict[str, Tensor]:
    train_embeddings_only(loaded.model)
    given = batch(PIECES["packed and padded"], "as usual", loaded.family.model_type)
    loss = kind(loaded.model.eval(), loaded.family)(given)
    loss.backward()
    return {"loss": loss.detach()} | learned_gradients(loaded.model)


@pytest.mark.parametrize("kind", [LmObjective, lm_objective])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_held_weights_teach_what_wide_ones_do(model_type: str, kind: Any, tmp_path: Path) -> None:
    base = narrow_base(model_type, tmp_path)
    wide, held = load_lm(base), load_lm(base, frozen=True)
    expected, found = outcome(wide, kind), outcome(held, kind)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6, msg=name)


@pytest.mark.parametrize("dtype", [BF16, torch.float16])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_products_are_held_and_nothing_else(
    model_type: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    loaded = load_lm(narrow_base(model_type, tmp_path, dtype), frozen=2)
    layers = list(encoder_layers(loaded.model, loaded.family))
    for number, layer in enumerate(layers):
        linear = [one for one in layer.modules() if isinstance(one, nn.Linear)]
        assert linear
        for one in linear:
            assert isinstance(one, Held) == (number < 2)
            assert one.weight.dtype == (dtype if number < 2 else torch.float32)
    held = {one.weight for one in loaded.model.modules() if isinstance(one, Held)}
    others = [one for one in loaded.model.parameters() if one not in held]
    assert {one.dtype for one in others} == {torch.float32}


def test_of_a_checkpoint_in_fp32_nothing_is_narrower(tmp_path: Path) -> None:
    model: Any = tiny_model("roberta")
    model.save_pretrained(tmp_path)
    loaded = load_lm(tmp_path, frozen=True)
    assert not any(isinstance(one, Held) for one in loaded.model.modules())


def test_no_wide_copy_is_kept_for_the_backward_pass(tmp_path: Path) -> None:
    loaded = load_lm(narrow_base("llama", tmp_path), frozen=True)
    train_embeddings_only(loaded.model)
    given = batch(PIECES["one piece a row"], "as usual", "llama")
    sizes = {one.weight.shape for one in loaded.model.modules() if isinstance(one, Held)}
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        lm_objective(loaded.model, family_of("llama"))(given)
    assert kept
    wide = [one for one in kept if one.dtype == torch.float32 and one.shape in sizes]
    assert not wide, [one.shape for one in wide]


@pytest.mark.skipif(not MAPS.exists(), reason="Linux says what a process has mapped")
def test_what_is_held_is_not_copied_out_of_its_file(tmp_path: Path) -> None:
    loaded = load_lm(narrow_base("llama", tmp_path), frozen=True)
    weights = [one.weight for one in loaded.model.modules() if isinstance(one, Held)]
    lines = [line.split() for line in MAPS.read_text().splitlines()]
    file = str(tmp_path / "model.safetensors")
    ends = [[int(end, 16) for end in line[0].split("-")] for line in lines if line[-1] == file]
    assert weights and all(any(a <= w.data_ptr() < b for a, b in ends) for w in weights)


def test_a_mini_model_that_is_put_together_is_the_bases_own_bytes(tmp_path: Path) -> None:
    base = narrow_base("llama", tmp_path / "base")
    tiny_tokenizer("llama", SOURCE_WORDS).save_pretrained(base)
    params = {"method": "MiniPost", "layers": 1, "newLayers": 1, "newLayersFrom": "Top"}
    ctx = context(tmp_path, params | {"training": None}, base=base)
    mini(ctx)
    made, whole = load_file(ctx.out / "model.safetensors"), load_file(base / "model.safetensors")
    assert {one.dtype for one in made.values()} == {BF16}
    for name, tensor in made.items():
        assert torch.equal(tensor, whole[name.replace("layers.1.", "layers.3.")])
