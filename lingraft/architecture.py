"""The shape of a base model, as far as planning and FLOPs need it."""

from collections.abc import Mapping
from typing import Any

from lingraft import resource
from lingraft.errors import UserError
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


def shape_of_config(config: Mapping[str, Any], *, where: str) -> Shape:
    """Read a shape off a Hugging Face `config.json`.

    Args:
        config: The parsed JSON.
        where: URI of the checkpoint, for errors.

    Raises:
        UserError: A size is missing: not an encoder this project knows.
    """
    model_type = str(config.get("model_type", ""))
    # RoBERTa numbers positions from the padding id on; BERT starts at 0.
    offset = 0 if model_type == "bert" else int(config.get("pad_token_id") or 0) + 1
    try:
        return Shape(
            model_type=model_type,
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            intermediate=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            positions=int(config["max_position_embeddings"]) - offset,
            masked_lm_head=any(
                "ForMaskedLM" in name or "ForPreTraining" in name
                for name in config.get("architectures") or []
            ),
        )
    except (KeyError, TypeError) as error:
        raise UserError(
            f"config.json has no {error}: give an encoder checkpoint of the BERT or RoBERTa "
            f"families (this one says model_type {model_type!r})",
            where=where,
        ) from error


def shape_of_pretrain(pretrain: resource.Pretrain) -> Shape:
    """The shape of a base that will be pretrained from text."""
    architecture = pretrain.architecture
    train = pretrain.tokenizer.train
    return Shape(
        model_type=architecture.model_type,
        layers=architecture.layers,
        hidden=architecture.hidden_size,
        intermediate=architecture.intermediate_size,
        vocabulary=train.vocab_size if train else 0,
        positions=architecture.positions,
        masked_lm_head=True,
    )
