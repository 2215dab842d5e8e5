"""The shape of a base model, as far as planning and FLOPs need it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lingraft.errors import UserError
from lingraft.families import FAMILIES, Family, family_of
from lingraft.resource.steps import Pretrain
from lingraft.stage import Contract


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
    keys: int | None = None
    """Width of keys, and of values, where they have fewer heads; None: hidden."""
    embedding: int | None = None
    """Width of the token embeddings, where it is another; None: hidden."""
    distances: int = 0
    """Embeddings of distances between tokens, to both sides."""

    @property
    def family(self) -> Family:
        """What is known of the model type."""
        return family_of(self.model_type)

    @property
    def causal(self) -> bool:
        """Whether it predicts each token from those before it."""
        return getattr(self.family, "objective", "masked") == "causal"


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
    family = FAMILIES.get(str(config.get("model_type", "")))
    for setting, (only, why) in (_ONLY | dict(family.only if family else {})).items():
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
    family = family_of(str(config.get("model_type", "")), where=where)
    check_settings(config, where=where)
    sizes, pad_id = family.sizes, config.get("pad_token_id")

    def size(field: str) -> int:
        value = config.get(field)
        if not isinstance(value, int):
            message = f"config.json has no {field}: give the directory of a whole checkpoint"
            raise UserError(message, where=where)
        return value

    hidden = size(sizes.hidden)
    classes: Sequence[str] = config.get("architectures") or ()
    return Shape(
        model_type=family.model_type,
        layers=size(sizes.layers),
        hidden=hidden,
        intermediate=size(sizes.intermediate),
        vocabulary=size("vocab_size"),
        positions=size("max_position_embeddings")
        - family.first_position(1 if pad_id is None else int(pad_id)),
        masked_lm_head=any(kind in name for name in classes for kind in family.head.classes),
        keys=_keys(family, config, hidden, where=where),
        embedding=None if sizes.embedding is None else _unless(size(sizes.embedding), hidden),
        distances=_distances(family, config, where=where),
    )


def _keys(family: Family, config: Mapping[str, Any], hidden: int, *, where: str) -> int | None:
    """Width of a layer's keys, where it is less than the layer's."""
    if family.sizes.key_heads is None:
        return None
    heads, keys = config.get(family.sizes.heads), config.get(family.sizes.key_heads)
    width = config.get("head_dim")
    if not isinstance(heads, int) or width not in (None, hidden // heads):
        raise UserError(
            f"config.json has {heads} heads of {width}, which are not as wide as its layers "
            f"({hidden}): give a checkpoint where they are",
            where=where,
        )
    return _unless(hidden // heads * (keys if isinstance(keys, int) else heads), hidden)


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
        masked_lm_head=True,
    )
