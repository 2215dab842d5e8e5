"""The shape of a base model, as far as planning and FLOPs need it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, Field

from lingraft.errors import UserError
from lingraft.families import FAMILIES, Family, family_of
from lingraft.foreign import check_code
from lingraft.resource.steps import Pretrain
from lingraft.stage import Contract

_BESIDE = {
    "vision_config": "it sees images, and models of text alone are supported",
    "audio_config": "it hears, and models of text alone are supported",
    "num_local_experts": "its feed-forward is a mixture of experts, which is not supported",
    "num_experts": "its feed-forward is a mixture of experts, which is not supported",
}
"""Settings that models of other kinds have, and what they mean."""


class Shape(Contract):
    """Sizes of a transformer. H = hidden, I = intermediate, V = vocabulary."""

    model_type: str
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    positions: int
    """Longest sequence in tokens; RoBERTa's padding offset is already taken off."""
    has_head: bool = Field(
        serialization_alias="maskedLmHead",
        validation_alias=AliasChoices("maskedLmHead", "hasHead"),
    )
    """Whether the checkpoint brings the head of its objective; pinned plans have its first name."""
    keys: int | None = None
    """Width of keys, and of values, where it is another; None: hidden."""
    queries: int | None = Field(default=None, exclude_if=lambda width: width is None)
    """Width of queries, where it is another; None: hidden. Not written where it is none."""
    embedding: int | None = None
    """Width of the token embeddings, where it is another; None: hidden."""
    distances: int = 0
    """Embeddings of distances between tokens, to both sides."""
    tied: bool = Field(default=True, exclude_if=lambda tied: tied)
    """Whether tokens are read and told by one matrix. Not written where they are."""

    @property
    def family(self) -> Family:
        """What is known of the model type."""
        return family_of(self.model_type)

    @property
    def causal(self) -> bool:
        """Whether it predicts each token from those before it."""
        return getattr(self.family, "objective", "masked") == "causal"


_MASKED_ONLY: dict[str, tuple[Any, str]] = {
    "is_decoder": (False, "it is a decoder, which reads to the left alone"),
}
_CAUSAL_ONLY: dict[str, tuple[Any, str]] = {
    "is_causal": (True, "it looks to both sides"),
}
_ONLY: dict[str, tuple[Any, str]] = {
    "add_cross_attention": (False, "it reads another model's states"),
    "chunk_size_feed_forward": (0, "that is a setting of the reader, not of the model"),
    "quantization_config": (None, "its weights are quantised"),
    "quantization": (None, "its weights are quantised"),  # by MLX
    "compression_config": (None, "its weights are quantised"),  # as compressed-tensors once said
}
"""Settings that one value is supported of, and what any other means."""
_TABLE_ONLY: dict[str, tuple[Any, str]] = {
    "position_embedding_type": ("absolute", "transformers no longer has such positions"),
}
"""The same where positions are a table; where they are rotary nobody reads it, and mmBERT and
Ettin have "sans_pos" there."""


def check_settings(config: Mapping[str, Any], *, where: str) -> None:
    """Refuse a checkpoint whose config asks for what would be left out.

    Raises:
        UserError: Names the setting.
    """
    family = FAMILIES.get(str(config.get("model_type", "")))
    known = _ONLY | dict(family.only if family else {})
    if family is None or family.positions != "rotary":
        known |= _TABLE_ONLY
    known = (_CAUSAL_ONLY if family is not None and family.causal else _MASKED_ONLY) | known
    for setting, (only, why) in known.items():
        if config.get(setting) not in (None, only):
            raise UserError(
                f"config.json has {setting} {json.dumps(config[setting])[:80]}: {why}; give a "
                "checkpoint without it",
                where=where,
            )
    check_code(config, where=where)


def shape_of_config(config: Mapping[str, Any], *, where: str) -> Shape:
    """Read a shape off a Hugging Face `config.json`.

    Args:
        config: The parsed JSON.
        where: URI of the checkpoint, for errors.

    Raises:
        UserError: An unknown family, a setting that cannot be followed, or a size is missing.
    """
    _refuse_other_kinds(config, where=where)
    family = family_of(str(config.get("model_type", "")), where=where)
    check_settings(config, where=where)
    sizes, pad_id = family.sizes, config.get("pad_token_id")
    if pad_id is not None and not isinstance(pad_id, int):
        said = json.dumps(pad_id)[:80]
        raise UserError(f"config.json has pad_token_id {said}: make it one number", where=where)

    def size(field: str) -> int:
        value = config.get(field)
        if not isinstance(value, int) or isinstance(value, bool):
            message = f"config.json has no {field}: give the directory of a whole checkpoint"
            raise UserError(message, where=where)
        if value < 1:
            raise UserError(f"config.json has {field} {value}, which no model has", where=where)
        return value

    hidden = size(sizes.hidden)
    first = family.first_position(1 if pad_id is None else pad_id)
    if (positions := size("max_position_embeddings") - first) < 1:
        message = f"config.json has max_position_embeddings {positions + first}, and the first "
        raise UserError(f"{message}{first} are for padding: no text fits in", where=where)
    classes: Sequence[str] = config.get("architectures") or ()
    queries, keys = _widths(family, config, hidden, where=where)
    return Shape(
        model_type=family.model_type,
        layers=size(sizes.layers),
        hidden=hidden,
        intermediate=size(sizes.intermediate),
        vocabulary=size("vocab_size"),
        positions=positions,
        has_head=any(kind in name for name in classes for kind in family.head.classes),
        keys=_unless(keys, hidden),
        queries=_unless(queries, hidden),
        embedding=None if sizes.embedding is None else _unless(size(sizes.embedding), hidden),
        distances=_distances(family, config, where=where),
        tied=bool(config.get("tie_word_embeddings", family.tied)),
    )


def _refuse_other_kinds(config: Mapping[str, Any], *, where: str) -> None:
    """Refuse a model that is more than a family of those known, by what its config has."""
    for setting, why in _BESIDE.items():
        if config.get(setting):
            raise UserError(
                f"config.json has {setting}: {why}; give a checkpoint of one of "
                f"{', '.join(FAMILIES)}",
                where=where,
            )


def _widths(
    family: Family, config: Mapping[str, Any], hidden: int, *, where: str
) -> tuple[int, int]:
    """Widths of a layer's queries and of its keys."""
    if family.sizes.key_heads is None:
        return hidden, hidden
    heads, keys = config.get(family.sizes.heads), config.get(family.sizes.key_heads)
    width = config.get("head_dim")
    if isinstance(heads, int) and family.sizes.head is not None:
        width = width or hidden // heads
        return heads * width, (keys if isinstance(keys, int) else heads) * width
    if not isinstance(heads, int) or width not in (None, hidden // heads):
        raise UserError(
            f"config.json has {heads} heads of {width}, which are not as wide as its layers "
            f"({hidden}): give a checkpoint where they are",
            where=where,
        )
    return hidden, hidden // heads * (keys if isinstance(keys, int) else heads)


def _distances(family: Family, config: Mapping[str, Any], *, where: str) -> int:
    if (field := family.sizes.distances) is None:
        return 0
    value = config.get(field)
    if not isinstance(value, int) or value < 1:
        raise UserError(
            f"config.json has {field} {json.dumps(value)}: a checkpoint whose distances are put "
            "into buckets is supported alone",
            where=where,
        )
    return 2 * value


def _unless(width: int, usual: int) -> int | None:
    return None if width == usual else width


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
        has_head=True,
    )
