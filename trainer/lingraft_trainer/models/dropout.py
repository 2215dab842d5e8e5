"""Dropout that costs little on a CPU, where torch draws one number at a time for every element.

Its masks took a quarter of a fine-tuning update of a small model. Here four elements share one
64-bit number of torch's generator, so what is drawn is still a function of `torch.manual_seed`.
The share that is dropped is the nearest multiple of 2^-16, and what is kept is scaled by
exactly what that share asks for. On other devices torch's own dropout is used.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

ATTENTION = "lingraft"
"""Our attention's name among transformers' implementations."""

LEVELS = 1 << 16


def drop(x: Tensor, p: float) -> Tensor:
    """`x` with a share `p` of its elements set to 0 and the others scaled up, on the CPU."""
    dropped = round(p * LEVELS)
    if not dropped:
        return x
    if dropped == LEVELS:
        return x * 0.0
    drawn = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = drawn.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - LEVELS // 2
    return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - dropped))


class Dropout(nn.Dropout):
    """`nn.Dropout`, quick on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """The input, dropped from while training."""
        quick = self.training and input.device.type == "cpu"
        return drop(input, self.p) if quick else super().forward(input)


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
    """Attention as transformers calls it: [B, heads, S, D] in, [B, S, heads, D] out.

    With dropout torch's fused attention does not run on a CPU either; without, it is what runs.
    """
    if not dropout or query.device.type != "cpu":
        given: Any = (module, query, key, value, attention_mask)
        return sdpa_attention_forward(*given, dropout=dropout, scaling=scaling, **kwargs)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (query * scale) @ key.transpose(-1, -2)
    if attention_mask is not None:
        scores = scores.masked_fill(attention_mask.logical_not(), float("-inf"))
    seen = drop(scores.softmax(-1), dropout) @ value
    return seen.transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def with_quick_dropout(model: PreTrainedModel) -> PreTrainedModel:
    """The model with its dropout exchanged, in place; its weights and config stay as they are."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
    model.set_attn_implementation(ATTENTION)
    return model
