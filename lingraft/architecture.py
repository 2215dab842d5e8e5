"""The shape of a base model, as far as planning and FLOPs need it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from lingraft.errors import UserError
from lingraft.resource.steps import ModelType, Pretrain
from lingraft.stage import Contract

MODEL_TYPES: tuple[str, ...] = get_args(ModelType)


class Shape(Contract):
    """Sizes of a transformer encoder. H = hidden, I = intermediate, V = vocabulary."""

    model_type: str
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    positions: int
    """Longest sequence in tokens; RoBERTa's padding offset is already taken off."""
    masked_lm_head: bool


_ONLY: dict[str, tuple[Any, str]] = {
    "is_decoder": (False, "it is a decoder, which reads to the left alone"),
    "add_cross_attention": (False, "it reads another model's states"),
    "position_embedding_type": ("absolute", "transformers no longer has such positions"),
    "chunk_size_feed_forward": (0, "that is a setting of the reader, not of the model"),
    "quantization_config": (None, "its weights are quantised"),
}
"""Settings that one value is supported of, and what any other means."""


def check_settings(config: Mapping[str, Any], *, where: str) -> None:
    """Refuse a checkpoint whose config asks for what would be left out.

    Raises:
        UserError: Names the setting.
    """
    for setting, (only, why) in _ONLY.items():
        if config.get(setting) not in (None, only):
            raise UserError(
                f"config.json has {setting} {json.dumps(config[setting])[:80]}: {why}; give a "
                "checkpoint without it",
                where=where,
            )


def shape_of_config(config: Mapping[str, Any], *, where: str) -> Shape:
    """Read a shape off a Hugging Face `config.json`.

    Args:
        config: The parsed JSON.
        where: URI of the checkpoint, for errors.

    Raises:
        UserError: An unknown family, a setting that cannot be followed, or a size is missing.
    """
    model_type = str(config.get("model_type", ""))
    if model_type not in MODEL_TYPES:
        raise UserError(
            f"model type {model_type!r} is not supported; give a checkpoint of one of "
            f"{', '.join(MODEL_TYPES)}",
            where=where,
        )
    check_settings(config, where=where)
    # RoBERTa numbers positions from the padding id on; BERT starts at 0.
    pad_id = config.get("pad_token_id")
    offset = 0 if model_type == "bert" else 1 + (1 if pad_id is None else int(pad_id))

    def size(field: str) -> int:
        value = config.get(field)
        if not isinstance(value, int):
            message = f"config.json has no {field}: give the directory of a whole checkpoint"
            raise UserError(message, where=where)
        return value

    classes: Sequence[str] = config.get("architectures") or ()
    return Shape(
        model_type=model_type,
        layers=size("num_hidden_layers"),
        hidden=size("hidden_size"),
        intermediate=size("intermediate_size"),
        vocabulary=size("vocab_size"),
        positions=size("max_position_embeddings") - offset,
        masked_lm_head=any("ForMaskedLM" in name or "ForPreTraining" in name for name in classes),
    )


def shape_of_pretrain(pretrain: Pretrain, vocabulary: int) -> Shape:
    """The shape of a base that will be pretrained from text, with so many tokens."""
    architecture = pretrain.architecture
    return Shape(
        model_type=architecture.model_type,
        layers=architecture.layers,
        hidden=architecture.hidden_size,
        intermediate=architecture.intermediate_size,
        vocabulary=vocabulary,
        positions=architecture.positions,
        masked_lm_head=True,
    )
