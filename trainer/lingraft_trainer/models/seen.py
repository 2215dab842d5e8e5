"""Which positions see which, for each kind of layer: as the frozen path and transformers take it.

A layer of a local kind looks at near tokens alone. Places in a row tell how far apart two tokens
of one piece are, wherever the piece begins.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.attention import as_bias
from lingraft_trainer.models.family import embedded, embeddings

FULL, LOCAL = "full_attention", "sliding_attention"
"""transformers' names of the kinds, in `config.layer_types`."""


def kinds_of(config: Any, family: Family) -> list[str]:
    """The kind of each layer, bottom first."""
    return list(config.layer_types) if family.local else [FULL] * config.num_hidden_layers


def seen_by_kind(
    config: Any, family: Family, attention: Tensor | None, length: int, device: torch.device
) -> dict[str, Tensor | None]:
    """Which positions see which, by the kind of layer.

    Args:
        config: The model's.
        family: The model's.
        attention: What all layers have in common: [B, 1, S, S] bool; None: all see all.
        length: S.
        device: Where to make it.

    Returns:
        Bool, [B or 1, 1, S, S], or None where all see all.
    """
    seen: dict[str, Tensor | None] = {FULL: attention}
    if family.local:
        window = int(config.sliding_window)
        seen[LOCAL] = attention
        if length > window + 1:
            at = torch.arange(length, device=device)
            near = ((at[:, None] - at).abs() <= window)[None, None]
            seen[LOCAL] = near if attention is None else attention & near
    return seen


def body_output(
    model: PreTrainedModel,
    family: Family,
    input_ids: Tensor,
    attention: Tensor | None,
    position_ids: Tensor,
    *,
    every_layer: bool = False,
) -> Any:
    """A masked LM's body by transformers' own forward pass.

    Args:
        model: The masked LM.
        family: The model's.
        input_ids: [B, S].
        attention: Which positions see which, [B, 1, S, S] bool; None: all see all.
        position_ids: [B, S].
        every_layer: Whether its output has `hidden_states`.
    """
    mask: Any = attention
    if family.local:
        length, device = input_ids.shape[1], input_ids.device
        mask = seen_by_kind(model.config, family, attention, length, device)
    elif family.attention == "added":
        mask = as_bias(attention, torch.get_default_dtype())
    elif family.attention == "encoder":
        x_BSH = embedded(model, family, embeddings(model)(input_ids), position_ids)
        encoder: Any = model.get_submodule(family.layers.rstrip(".").rpartition(".")[0])
        seen = torch.ones_like(input_ids) if attention is None else attention
        return encoder(x_BSH, seen, output_hidden_states=every_layer)
    return model.base_model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=position_ids,
        output_hidden_states=every_layer,
    )
