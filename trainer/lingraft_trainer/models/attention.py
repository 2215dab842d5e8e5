"""Attention on a CPU where torch's fused one does not run, with dropout, or is slow, in bf16.

In bf16 plain products take, with AMX, forward and backward, a fifth to two thirds of the time of
torch's fused kernel, and some half of that kernel's in fp32 (docs/speed/cpu.md).
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from lingraft.families import FAMILIES
from lingraft_trainer.models.dropout import Dropout, drop

ATTENTION = "lingraft"
"""Our attention's name among transformers' implementations."""


def slow_when_fused(query: Tensor) -> bool:
    """Whether plain products are the faster way, without dropout."""
    return query.device.type == "cpu" and query.dtype == torch.bfloat16


def by_products(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    cap: float | None = None,
) -> Tensor:
    """Attention as two products and a softmax: [B, heads, S, D], in the type of the query.

    Args:
        query: [B, heads, S, D].
        key: [B, heads, T, D].
        value: [B, heads, T, D].
        bias: Added to the scores, [B, 1, S, T], see `as_bias`.
        scaling: Of the scores; by default D ** -0.5.
        dropout: Share of the probabilities that is dropped.
        cap: What scores are bent to stay below, or None.
    """
    scores = (query * (scaling or query.shape[-1] ** -0.5)) @ key.transpose(-1, -2)
    if cap is not None:
        scores = torch.tanh(scores / cap) * cap
    probabilities = (scores if bias is None else scores + bias).softmax(-1)
    return drop(probabilities, dropout) @ value


def as_bias(seen: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Which positions see which, bool, as what is added to the scores.

    Nothing is infinite: padding in a local layer may see nothing at all, and has a mean then.
    """
    if seen is None:
        return None
    bias = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
    return bias.masked_fill_(seen.logical_not(), torch.finfo(dtype).min)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: [B, heads, S, D] in, [B, S, heads, D] out."""
    on_cpu = query.device.type == "cpu"
    # Rotations may have made fp32 of what autocast computed in bf16.
    query, key = query.to(value.dtype), key.to(value.dtype)
    if not (slow_when_fused(query) or (on_cpu and dropout)):
        given: Any = (module, query, key, value, attention_mask)
        return sdpa_attention_forward(*given, dropout=dropout, scaling=scaling, **kwargs)
    causal = kwargs.get("is_causal")
    if attention_mask is None and (
        getattr(module, "is_causal", True) if causal is None else causal
    ):
        # transformers leaves a mask out that torch's attention makes by itself: of a batch without
        # padding, each token and those before it.
        shape = query.shape[2], key.shape[2]
        attention_mask = torch.ones(shape, dtype=torch.bool, device=query.device).tril()
    bias = as_bias(attention_mask, query.dtype)
    if (times := query.shape[1] // key.shape[1]) > 1:  # several heads of queries share one of keys
        key, value = (part.repeat_interleave(times, dim=1) for part in (key, value))
    with torch.autocast("cpu", enabled=False):
        seen = by_products(query, key, value, bias, scaling=scaling, dropout=dropout)
    return seen.transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def with_quick_layers(model: PreTrainedModel) -> PreTrainedModel:
    """The model with attention and dropout that are quick on a CPU.

    Exchanged in place; its weights and config stay as they are. A family whose attention
    transformers computes in code of its own keeps it.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
    family = FAMILIES.get(model.config.model_type)
    if family is None or family.attention == "any":
        model.set_attn_implementation(ATTENTION)
    return model
