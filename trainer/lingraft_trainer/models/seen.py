"""Which positions see which, for each kind of layer: as the frozen path and transformers take it.

A layer of a local kind looks at near tokens alone. Places in a row tell how far apart two tokens
of one piece are, wherever the piece begins.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.attention import as_bias
from lingraft_trainer.models.family import embedded, embeddings, encoder_layers

FULL, LOCAL = "full_attention", "sliding_attention"
"""transformers' names of the kinds, in `config.layer_types`."""


def kinds_of(config: Any, family: Family) -> list[str]:
    """The kind of each layer, bottom first."""
    if family.local == "some":
        return list(config.layer_types)
    near = family.local == "all" and config.sliding_window is not None
    return [LOCAL if near else FULL] * config.num_hidden_layers


def seen_by_kind(
    config: Any,
    family: Family,
    attention: Tensor | None,
    length: int,
    device: torch.device,
    positions: Tensor | None = None,
) -> dict[str, Tensor | None]:
    """Which positions see which, by the kind of layer.

    Args:
        config: The model's.
        family: The model's.
        attention: Which positions are of one piece: [B, 1, S, S] bool; None: all of a row.
        length: S.
        device: Where to make it.
        positions: Where each token of a row stands, [B, S], if not one behind the other.

    Returns:
        Bool, [B or 1, 1, S, S], or None where all see all.
    """
    at = torch.arange(length, device=device)[None] if positions is None else positions
    before = at[:, :, None] - at[:, None]  # how far a key, [B, 1, S], lies before a query
    full = _both(attention, before >= 0) if family.causal else attention
    seen = {FULL: full, LOCAL: full}
    if LOCAL in kinds_of(config, family):
        window = int(config.sliding_window)
        # transformers counts a causal window with the token itself, the other without it.
        if family.causal and length > window:
            seen[LOCAL] = _both(full, before < window)
        elif not family.causal and length > window + 1:
            seen[LOCAL] = _both(full, before.abs() <= window)
    return seen


def _both(attention: Tensor | None, near_BSS: Tensor) -> Tensor:
    near = near_BSS[:, None]
    return near if attention is None else attention & near


def body_output(
    model: PreTrainedModel,
    family: Family,
    input_ids: Tensor,
    attention: Tensor | None,
    position_ids: Tensor,
    *,
    every_layer: bool = False,
    branched: bool = False,
) -> Any:
    """A language model's body by transformers' own forward pass.

    Args:
        model: The language model.
        family: The model's.
        input_ids: [B, S].
        attention: Which positions are of one piece, [B, 1, S, S] bool; None: all of a row.
        position_ids: [B, S].
        every_layer: Whether its output has `hidden_states`.
        branched: Whether tokens of a row are near by their positions, not by their places.
    """
    length, device = input_ids.shape[1], input_ids.device
    masks: dict[str, Any] = dict(
        seen_by_kind(
            model.config, family, attention, length, device, position_ids if branched else None
        ).items()
    )
    if family.attention == "added":
        masks = {kind: as_bias(seen, torch.get_default_dtype()) for kind, seen in masks.items()}
    elif family.attention == "encoder":
        x_BSH = embedded(model, family, embeddings(model)(input_ids), position_ids)
        encoder: Any = model.get_submodule(family.layers.rstrip(".").rpartition(".")[0])
        seen = torch.ones_like(input_ids) if attention is None else attention
        return encoder(x_BSH, seen, output_hidden_states=every_layer)
    return model.base_model(
        input_ids=input_ids,
        attention_mask=masks
        if family.local == "some"
        else masks[kinds_of(model.config, family)[0]],
        position_ids=position_ids,
        output_hidden_states=every_layer,
        **({"use_cache": False} if family.causal else {}),
    )


def states_before(
    model: PreTrainedModel, family: Family, batch: Any, layers: Sequence[int]
) -> list[Tensor]:
    """What some layers are given, each [B, S, H]; the states of all would take much memory.

    Args:
        model: The language model.
        family: The model's.
        batch: Rows of text (`LmBatch`).
        layers: Their numbers from 0.
    """
    found: dict[int, Tensor] = {}

    def note(number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found[number] = args[0] if args else kwargs["hidden_states"]

    whole = encoder_layers(model, family)
    with ExitStack() as hooks:
        for number in layers:
            hook = whole[number].register_forward_pre_hook(
                lambda _, args, kwargs, number=number: note(number, args, kwargs),
                with_kwargs=True,
            )
            hooks.callback(hook.remove)
        body_output(model, family, batch.input_ids, batch.attention, batch.position_ids)
    return [found[number] for number in layers]
