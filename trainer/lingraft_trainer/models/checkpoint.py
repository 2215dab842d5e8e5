"""Ordinary Hugging Face checkpoints in: weights from safetensors only, no remote code.

Every tensor is accounted for. One that a model needs is never drawn anew without a word, and none
of the file's is dropped, but for other tasks' heads.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from transformers import AutoModel, PreTrainedModel

from lingraft.errors import UserError
from lingraft.families import Family, family_of
from lingraft.selection import MIDDLE_HEAD
from lingraft_trainer.models.config import cut, read_config
from lingraft_trainer.models.family import (
    AUTO,
    is_tied,
    output,
    scale_as_stored,
    second_bias,
    set_dropout,
)
from lingraft_trainer.models.held import hold
from lingraft_trainer.models.weights import FIELD, check_finite, check_plain, dtype_of

MIDDLE_LAYERS = "layers"
"""The middle head's metadata: the number of layers below it, which its shapes do not tell."""
_OTHER_HEADS = re.compile(r"(^|\.)(pooler|cls|lm_head|classifier|qa_outputs)\.|(^|\.)position_ids$")
"""What a checkpoint may hold beside the model that is wanted of it."""


@dataclass(frozen=True)
class LoadedModel:
    """A language model as its checkpoint has it.

    Attributes:
        model: Tied or untied, as the weights are; its config says which.
        family: The model's.
        has_head: Whether the checkpoint brought its head.
        dtype: Of the checkpoint's weights; the one that holds them all.
    """

    model: PreTrainedModel
    family: Family
    has_head: bool
    dtype: torch.dtype


def load_lm(
    path: Path,
    *,
    dropout: float | None = None,
    layers: int | None = None,
    frozen: int | bool = False,
    dtype: torch.dtype = torch.float32,
) -> LoadedModel:
    """Load a base or mini-model with the head of its objective.

    Args:
        path: Directory of a Hugging Face checkpoint, with or without that head. Without it the
            head is new, drawn from torch's global generator.
        dropout: Of the layers and of attention, to train with; by default as the config says.
        layers: How many of its layers, from the bottom; by default all.
        frozen: Whether layers are not to be trained, or how many from the bottom: their products
            are held as the checkpoint has them (`held.hold`), of float64 in fp32, which autocast
            knows. All else is in fp32.
        dtype: Of the model in memory, where none are held.

    Raises:
        UserError: No safetensors, weights that are unreadable, no numbers, too many or too few,
            or an unknown family.
    """
    config = read_config(path)
    family = family_of(config.model_type)
    if dropout is not None:
        set_dropout(config, family, dropout)
    if layers is not None:
        cut(config, layers)

    def of_head(name: str) -> bool:
        # The final LayerNorm of a pre-LN model is its body's, but a lost one is a lost body.
        return name.startswith(family.head.prefixes)

    def above(name: str) -> bool:
        return layers is not None and family.layer_of(name) >= layers

    auto, found = AUTO[family.objective], dtype_of(path)
    held = found if found.itemsize < torch.float32.itemsize else torch.float32
    own_type = held if frozen else dtype
    model, new = load(path, auto, config, may_be_new=of_head, may_be_left=above, dtype=own_type)
    if frozen:
        hold(model, family, held, None if frozen is True else frozen)
    shared = set(model.all_tied_weights_keys)
    own = {name for name in model.state_dict() if of_head(name)} - shared
    has_head = not own or own != new - shared
    if not has_head:  # a new head has no matrix of its own
        model.config.tie_word_embeddings = True
        model.tie_weights()
    elif lacking := new if is_tied(model) else _with_one_bias(model, family, new):
        raise UserError(
            f"the checkpoint has a part of its head, but lacks {min(lacking)}: give a whole one",
            where=FIELD,
        )
    model.config.tie_word_embeddings = is_tied(model)
    return LoadedModel(model, family, has_head=has_head, dtype=found)


def load_body(path: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A checkpoint's body without a head; a pooler that it does not have is new.

    Raises:
        UserError: As `load_lm`.
    """
    return load(path, AutoModel, read_config(path), may_be_new=of_pooler, dtype=dtype)[0]


def of_pooler(name: str) -> bool:
    """Whether a parameter is a pooler's, which a masked LM is trained without."""
    return "pooler" in name.split(".")


def load(
    path: Path,
    auto: Any,
    config: Any,
    *,
    may_be_new: Callable[[str], bool],
    may_be_left: Callable[[str], bool] = lambda name: False,
    dtype: torch.dtype = torch.float32,
) -> tuple[PreTrainedModel, set[str]]:
    """Load a model, every tensor accounted for.

    Args:
        path: Directory of the checkpoint.
        auto: transformers' auto class of the model.
        config: The model's.
        may_be_new: Whether a parameter that the checkpoint lacks may be drawn anew.
        may_be_left: Whether a tensor of the checkpoint may be left out, beside other heads.
        dtype: Of its weights.

    Returns:
        The model, and the names of the parameters that are new.

    Raises:
        UserError: As `load_lm`.
    """
    family = family_of(config.model_type)
    stored = dtype_of(path)  # says more about files that are no weights
    try:
        model, info = auto.from_pretrained(
            path,
            config=config,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            dtype=dtype,
        )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the checkpoint cannot be read: {reason}", where=FIELD) from error
    check_plain(info["unexpected_keys"], where=FIELD)
    if family.scaled:
        scale_as_stored(model, stored)
    new = {name for name in info["missing_keys"] if not name.endswith("position_ids")}
    if lost := {name for name in new if not may_be_new(name)}:
        raise UserError(
            f"the checkpoint lacks {len(lost)} tensors of its own body, {min(lost)} among them: "
            "give a whole one",
            where=FIELD,
        )
    wanted = auto is AUTO[family.objective]  # the head, of which then nothing may be left out

    def is_others(name: str) -> bool:
        if name.startswith(family.head.prefixes):
            return not wanted
        if wanted and family.causal and "lm_head" in name.split("."):
            return False
        return bool(_OTHER_HEADS.search(name)) or name.startswith(family.other_heads)

    left = {
        name for name in info["unexpected_keys"] if not is_others(name) and not may_be_left(name)
    }
    if left:
        raise UserError(
            f"the checkpoint holds {len(left)} tensors that {type(model).__name__} knows no place "
            f"for, {min(left)} among them: merge adapters into it, or give one of the plain "
            "architecture",
            where=FIELD,
        )
    check_finite(model.state_dict(), "the checkpoint", where=FIELD)
    return model, new


def _with_one_bias(model: PreTrainedModel, family: Family, new: set[str]) -> set[str]:
    """An untied head's bias under both of its names; what is new beside it.

    transformers 4 wrote it once, under the name that only a tied head reads.
    """
    bias, second = output(model).bias, second_bias(model, family)
    if second is None:
        return new
    decoders = f"{family.head.decoder}.bias"
    if decoders in new and family.head.bias not in new:
        bias.data.copy_(second.data)
        return new - {decoders}
    second.data.copy_(bias.data)
    return new - {str(family.head.bias)}


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
            where=FIELD,
        )
    with safe_open(file, "pt") as opened:
        below = (opened.metadata() or {}).get(MIDDLE_LAYERS)
    if below is not None and below != str(layers):
        raise UserError(
            f"the base's middle head stands after layer {below}, not {layers}: set it to {below}",
            where="spec.mini.layers",
        )
    head = load_file(file)
    check_finite(head, MIDDLE_HEAD, where=FIELD)
    return head
