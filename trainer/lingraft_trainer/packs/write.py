"""Write a language pack, as the stage `graft` does."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from lingraft.pack import RECORD, TENSORS, Pack, PackBase
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.tokenization.swap import save_tokenizer

ROWS = 4096
"""Hashed at once: bounds what is in memory twice."""


def fingerprint(matrix: Tensor) -> str:
    """Hex sha256 of token embeddings [V, E] as little-endian fp32, whatever type they are in."""
    digest = hashlib.sha256()
    for rows in matrix.detach().split(ROWS):
        digest.update(rows.to("cpu", torch.float32).contiguous().numpy().astype("<f4").data)
    return digest.hexdigest()


def record_of(
    graft: Graft,
    model: PreTrainedModel,
    base: PackBase,
    config: Mapping[str, Any],
    *,
    language: str,
    source_language: str,
    method: str,
) -> Pack:
    """What a pack says of itself.

    Args:
        graft: What was learned.
        model: The base with the graft in place.
        base: Which one it is.
        config: Ids that the base's config.json names beside the roles.
        language: BCP 47.
        source_language: The base's.
        method: That it was learned by.
    """
    tensors = graft.tensors
    rows, width = tensors["weight"].shape
    return Pack(
        language=language,
        source_language=source_language,
        method=method,
        model_type=str(model.config.model_type),
        base=base,
        vocabulary=rows,
        width=width,
        dtype=dtype_name(graft.dtype),
        tied="output" not in tensors,
        roles=graft.roles,
        config=dict(config),
    )


def write_pack(record: Pack, graft: Graft, model: PreTrainedModel, out: Path) -> None:
    """Write a pack's folder, but for its card.

    Args:
        record: What `pack.json` says.
        graft: What was learned, and its tokenizer.
        model: The base with the graft in place, which says how it generates.
        out: The folder.
    """
    save_tokenizer(graft.tokenizer, out)
    tensors = {name: one.contiguous() for name, one in graft.tensors.items()}
    save_file(tensors, out / TENSORS, metadata={"format": "pt"})
    if model.can_generate():
        generation: Any = model.generation_config
        generation.save_pretrained(out)
    (out / RECORD).write_text(record.model_dump_json(by_alias=True, indent=2) + "\n", "utf-8")


def dtype_name(dtype: torch.dtype) -> Any:
    """A type by the name that configs have for it."""
    return str(dtype).removeprefix("torch.")
