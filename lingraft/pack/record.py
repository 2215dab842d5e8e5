"""What `pack.json` says: which language, of which base, and the ids that a model's configs name.

A pack is a folder:

    pack.json                  this record
    embeddings.safetensors     weight [V, E]; bias [V] and output [V, E] where the base has them
    tokenizer.json, tokenizer_config.json, special_tokens_map.json
    generation_config.json     of a causal base
    README.md                  its card
"""

from typing import Any, Literal

from pydantic import Field

from lingraft.stage import Contract

RECORD = "pack.json"
TENSORS = "embeddings.safetensors"


class PackBase(Contract):
    """The model that a pack is for."""

    ref: str = Field(
        description="Of the plan: `source/<fingerprint>` of a checkpoint, or `pretrain/<digest>`."
    )
    embeddings: str = Field(
        description="Hex sha256 of its token embeddings as little-endian fp32, row by row. "
        "Fine-tuning leaves them as they are, so this tells the base and every task model of it."
    )


class Pack(Contract):
    """The record of a language pack."""

    format: Literal[1] = 1
    language: str = Field(description="BCP 47.")
    source_language: str
    method: str
    model_type: str = Field(description="transformers' name for the base's family.")
    base: PackBase
    vocabulary: int = Field(description="Rows, V.")
    width: int = Field(description="Of a row, E.")
    dtype: Literal["float64", "float32", "float16", "bfloat16"] = Field(
        description="Of the pack's tensors and of a model with it in place: the base's."
    )
    tied: bool = Field(description="Whether tokens are read and told by one matrix.")
    roles: dict[str, int | None] = Field(
        description="Ids of special tokens by their fields in config.json, for every model."
    )
    config: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="Ids that the base's config.json names beside them, for the base itself.",
    )
