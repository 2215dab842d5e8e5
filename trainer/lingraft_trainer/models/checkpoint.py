"""Ordinary Hugging Face checkpoints in: weights from safetensors only, no remote code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from lingraft.errors import UserError
from lingraft_trainer.models.family import Family
from lingraft_trainer.models.registry import family_of

MIDDLE_HEAD = "middle_head.safetensors"
MIDDLE_LAYERS = "layers"
"""Its metadata: the number of layers below it, which its shapes do not tell."""


@dataclass(frozen=True)
class LoadedModel:
    """A masked language model, its family, and whether the checkpoint brought its head."""

    model: PreTrainedModel
    family: Family
    has_head: bool


def read_config(path: Path) -> Any:
    """The checkpoint's config, its family checked.

    Raises:
        UserError: No readable config.json, or an unsupported family.
    """
    try:
        model_type = json.loads((path / "config.json").read_text()).get("model_type", "")
    except FileNotFoundError:
        raise UserError(
            "no config.json there: give the directory of a Hugging Face checkpoint",
            where="spec.base.uri",
        ) from None
    except ValueError as error:
        raise UserError(f"config.json is not JSON: {error}", where="spec.base.uri") from error
    family_of(str(model_type))
    return AutoConfig.from_pretrained(path, local_files_only=True)


def load_masked_lm(path: Path, *, dropout: float | None = None) -> LoadedModel:
    """Load a base or mini-model for masked-LM training, in fp32.

    Args:
        path: Directory of a Hugging Face checkpoint, with or without a masked-LM head. Without
            one, the head is new, drawn from torch's global generator.
        dropout: Of the layers and of attention, to train with; by default as the config says.

    Raises:
        UserError: No safetensors, unreadable weights, missing body tensors, unknown family.
    """
    config = read_config(path)
    if dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    if not list(path.glob("*.safetensors")):
        raise UserError(
            "the checkpoint has no .safetensors weights (pickled ones are never read): convert it "
            "with save_pretrained(..., safe_serialization=True)",
            where="spec.base.uri",
        )
    try:
        model, info = AutoModelForMaskedLM.from_pretrained(
            path,
            config=config,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UserError(f"the checkpoint cannot be read: {error}", where="spec.base.uri") from error
    family = family_of(config.model_type)
    missing = {name for name in info["missing_keys"] if not name.endswith("position_ids")}
    lost = sorted(name for name in missing if not _of_head(name, family))
    if lost:
        raise UserError(
            f"the checkpoint lacks {len(lost)} tensors of its own body, {lost[0]} among them",
            where="spec.base.uri",
        )
    return LoadedModel(model, family, has_head=not missing)


def _of_head(name: str, family: Family) -> bool:
    # The final LayerNorm of a pre-LN model is its body's, but a lost one is a lost body.
    return name.startswith(family.head[0])


def read_middle_head(path: Path, layers: int) -> dict[str, torch.Tensor]:
    """MiniJoint's middle head, by the names that its tensors have in the mini-model.

    Raises:
        UserError: The base was not pretrained jointly, or its head is at another depth.
    """
    file = path / MIDDLE_HEAD
    if not file.exists():
        raise UserError(
            f"MiniJoint needs a base with a middle head ({MIDDLE_HEAD}), and this one has none: "
            "use base.pretrain, or method MiniPost",
            where="spec.base.uri",
        )
    with safe_open(file, "pt") as opened:
        below = (opened.metadata() or {}).get(MIDDLE_LAYERS)
    if below is not None and below != str(layers):
        raise UserError(
            f"the base's middle head stands after layer {below}, not {layers}: set it to {below}",
            where="spec.mini.layers",
        )
    return load_file(file)
