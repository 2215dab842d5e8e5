"""From states to a sentence's vector: as sentence-transformers' own modules do it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling
from torch import Tensor, nn

from lingraft.encoders import POOLINGS, Encoder, Module
from lingraft.errors import UserError
from lingraft_trainer.models.pooling import pool
from lingraft_trainer.models.readout import Readout

WIDTH = 6
SIDES = {"right": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "left": [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]}


def states() -> Tensor:
    return torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("skipped", [0, 2])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("way", POOLINGS)
def test_every_way_of_pooling(way: Any, side: str, skipped: int) -> None:
    attention = torch.tensor(SIDES[side])
    theirs = Pooling(WIDTH, way, include_prompt=False)
    features = {"token_embeddings": states(), "attention_mask": attention}
    wanted = theirs({**features, "prompt_length": skipped})["sentence_embedding"]
    torch.testing.assert_close(pool(states(), attention, [way], skipped), wanted)


def test_several_ways_stand_in_the_order_that_is_given() -> None:
    ways = ("max", "cls")
    attention = torch.tensor(SIDES["right"])
    features = {"token_embeddings": states(), "attention_mask": attention}
    wanted = Pooling(WIDTH, ways)(features)["sentence_embedding"]
    torch.testing.assert_close(pool(states(), attention, ways), wanted)


def behind() -> list[Any]:
    """Everything that may stand behind a body, its weights random."""
    torch.manual_seed(2)
    modules: list[Any] = [
        Dense(WIDTH, WIDTH, module_input_name="token_embeddings", activation_function=nn.ReLU()),
        Pooling(WIDTH, ("cls", "mean")),
        LayerNorm(2 * WIDTH),
        Dense(2 * WIDTH, 4, use_residual=True),
        Dense(4, 4, bias=False, activation_function=nn.GELU(), use_residual=True),
        Dropout(0.5),
        Normalize(),
    ]
    for module in modules:
        for parameter in module.parameters():
            nn.init.normal_(parameter)
    return modules


def written(modules: list[Any], folder: Path) -> Encoder:
    found: list[Module] = []
    for i, module in enumerate(modules, 1):
        kind = type(module).__name__
        path = folder / f"{i}_{kind}"
        path.mkdir(parents=True)
        module.save(str(path))
        config = json.loads((path / "config.json").read_text())
        found.append(Module(kind, path.name, config))
    return Encoder(tuple(found))


def test_every_module_behind_a_body(tmp_path: Path) -> None:
    modules = behind()
    attention = torch.tensor(SIDES["right"])
    features: Any = {"token_embeddings": states(), "attention_mask": attention}
    with torch.no_grad():
        for module in modules:
            features = module.eval()(features)
    readout = Readout(written(modules, tmp_path), tmp_path)
    torch.testing.assert_close(readout(states(), attention), features["sentence_embedding"])


def test_what_is_not_said_is_the_mean() -> None:
    attention = torch.tensor(SIDES["right"])
    torch.testing.assert_close(Readout()(states(), attention)[1], states()[1, :3].mean(0))


@pytest.mark.parametrize("fault", ["lost", "broken", "shape", "nan", "pickled"])
def test_weights_that_are_no_weights_are_refused(fault: str, tmp_path: Path) -> None:
    encoder = written([Pooling(WIDTH), Dense(WIDTH, 4)], tmp_path)
    file = tmp_path / "2_Dense/model.safetensors"
    tensors = load_file(file)
    match fault:
        case "lost" | "pickled":
            file.unlink()
        case "broken":
            file.write_bytes(b"no tensors")
        case "shape":
            save_file({name: tensor[:2].clone() for name, tensor in tensors.items()}, file)
        case _:
            save_file({name: tensor * float("nan") for name, tensor in tensors.items()}, file)
    if fault == "pickled":
        torch.save(tensors, tmp_path / "2_Dense/pytorch_model.bin")
    with pytest.raises(UserError, match="2_Dense") as error:
        Readout(encoder, tmp_path)
    assert "\n" not in error.value.message
