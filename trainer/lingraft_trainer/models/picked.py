"""A checkpoint of some of another's layers: its embeddings and head, and fewer layers between."""

from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lingraft.families import family_of
from lingraft.selection import WEIGHTS
from lingraft_trainer.models.config import pick, read_config
from lingraft_trainer.models.weights import files_of


def save_picked(base: Path, layers: Sequence[int], folder: Path) -> None:
    """Write a checkpoint of some layers of a base, tensors and types as they are.

    Args:
        base: Directory of the whole checkpoint.
        layers: Numbers from 0 of the layers that it gets, from the bottom.
        folder: Where it is written.

    Raises:
        UserError: The base cannot be read.
    """
    config = read_config(base)
    family = family_of(config.model_type)
    new = {old: number for number, old in enumerate(layers)}
    tensors: dict[str, Tensor] = {}
    for file in files_of(base):
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping
                layer = family.layer_of(name)
                if layer < 0 or layer in new:
                    renamed = family.renumbered(name, new.get(layer, -1))
                    tensors[renamed] = opened.get_tensor(name)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    pick(config, layers)
    config.save_pretrained(folder)
