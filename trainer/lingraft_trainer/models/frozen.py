"""A frozen body as plain functions: what training embeddings through it needs, and no more.

transformers' modules compute every layer at every position. A masked-LM loss reads the last
layer at the masked positions alone, and within a layer only keys and values look at other
positions: so the last layer's queries, attention output, feed-forward and norms are computed
for the masked positions only. That is exact. Query, key and value are one product here, whose
frozen weights lie side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.activations import ACT2FN

from lingraft_trainer.device import sent
from lingraft_trainer.models.attention import as_bias, by_products, slow_when_fused
from lingraft_trainer.models.family import Family, encoder_layers

Norm = Callable[[Tensor], Tensor]
PAD_TO_MULTIPLE_OF = 16
"""Numbers of masked positions are padded to a multiple of it: libraries prepare every shape anew.

cuDNN plans its attention in milliseconds; oneDNN compiles its bf16 products and keeps them, 1,024
of them in half a gigabyte.
"""


@dataclass(frozen=True)
class _Layer:
    """One frozen layer. H hidden, I intermediate; weights are [out, in]."""

    qkv: tuple[Tensor, Tensor]  # [3H, H], [3H]
    out: tuple[Tensor, Tensor]  # [H, H], [H]
    up: tuple[Tensor, Tensor]  # [I, H], [I]
    down: tuple[Tensor, Tensor]  # [H, I], [H]
    norms: tuple[Norm, Norm]  # beside attention, beside the feed-forward


class FrozenBody:
    """The encoder of a masked LM whose layers are frozen and without dropout.

    It takes the layers' products from the model, whose weights become views of its own, in its
    dtype: nothing is held twice.

    Args:
        model: Where it will run: its weights are not to be moved afterwards. In bf16 its own
            `forward` can no longer be called.
        family: The model's.
        dtype: Of the products' weights, cast here once and not in every update.
    """

    def __init__(self, model: PreTrainedModel, family: Family, dtype: torch.dtype) -> None:
        config: Any = model.config
        self.heads: int = config.num_attention_heads
        self.pre_norm = family.pre_norm
        self.activation: Callable[[Tensor], Tensor] = ACT2FN[config.hidden_act]
        self.dtype = dtype
        self.layers = [_layer(one, family, dtype) for one in encoder_layers(model, family)]

    @staticmethod
    def fits(model: PreTrainedModel, family: Family) -> bool:
        """Whether the model may run here: frozen layers, and no dropout to draw."""
        config: Any = model.config
        drops = config.hidden_dropout_prob or config.attention_probs_dropout_prob
        layers = encoder_layers(model, family)
        return not drops and not any(p.requires_grad for p in layers.parameters())

    def __call__(
        self, x_BSH: Tensor, attention: Tensor | None, masked: Tensor, slots: "Slots"
    ) -> Tensor:
        """The last layer's output at the masked positions, [P, H], without a final norm.

        Args:
            x_BSH: Output of the embeddings.
            attention: [B, 1, S, S] bool, which positions see which; None: all see all.
            masked: Masked positions in the flattened [B * S], `padded`, [P].
            slots: The same, as a rectangle.
        """
        bias = as_bias(attention, self.dtype)  # torch would make it of the mask in every layer
        for layer in self.layers[:-1]:
            x_BSH = self._after(layer, x_BSH, self._attend(layer, x_BSH, bias))
        last = self.layers[-1]
        attended = self._attend(last, x_BSH, bias, slots)
        return self._after(last, x_BSH.flatten(0, 1).index_select(0, masked), attended)

    def _attend(
        self, layer: _Layer, x_BSH: Tensor, bias: Tensor | None, slots: "Slots | None" = None
    ) -> Tensor:
        """Attention of a layer's input, its output product left out: [B, S, H] or [P, H]."""
        rows, length, width = x_BSH.shape
        if self.pre_norm:
            x_BSH = layer.norms[0](x_BSH)
        weight, offset = layer.qkv
        split = (self.heads, width // self.heads)
        if slots is None:
            qkv = linear(x_BSH, weight, offset).view(rows, length, 3, *split)
            q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))
            return _attention(q, k, v, bias).transpose(1, 2).flatten(2)
        kv = linear(x_BSH, weight[width:], offset[width:]).view(rows, length, 2, *split)
        k, v = (part.transpose(1, 2) for part in kv.unbind(2))
        chosen = x_BSH.flatten(0, 1).index_select(0, slots.flat)
        q = linear(chosen, weight[:width], offset[:width]).view(rows, -1, *split).transpose(1, 2)
        if bias is not None:
            bias = bias.expand(rows, 1, length, length).flatten(0, 2).index_select(0, slots.flat)
            bias = bias.view(rows, 1, -1, length)
        seen = _attention(q, k, v, bias).transpose(1, 2)
        return seen.reshape(-1, width).index_select(0, slots.used)

    def _after(self, layer: _Layer, x: Tensor, attended: Tensor) -> Tensor:
        """What follows attention; it looks at no other position: [..., H] -> [..., H]."""
        first, second = layer.norms
        x = _sum(linear(attended, *layer.out), x)
        if self.pre_norm:
            return _sum(self._feed(layer, second(x)), x)
        x = first(x)
        return second(_sum(self._feed(layer, x), x))

    def _feed(self, layer: _Layer, x: Tensor) -> Tensor:
        return linear(self.activation(linear(x, *layer.up)), *layer.down)


@dataclass(frozen=True)
class Slots:
    """Masked positions as a rectangle: every row of a batch gets as many slots as the fullest.

    Made where the batch is: on a GPU the shape would have to be waited for.

    Attributes:
        flat: Position of every slot in the flattened [B * S], [B * K]; spare slots hold some
            position of their row, and what is computed there is dropped.
        used: The slots that are not spare, in the order of the masked positions, `padded` as
            those are, [P].
    """

    flat: Tensor
    used: Tensor

    @classmethod
    def of(cls, masked: NDArray[np.int64], length: int, rows: int) -> "Slots":
        """Of masked positions in the flattened [B * S], ascending, [M]."""
        row = masked // length
        counts = np.bincount(row, minlength=rows)
        most = -(-max(1, int(counts.max())) // PAD_TO_MULTIPLE_OF) * PAD_TO_MULTIPLE_OF
        used = row * most + np.arange(len(masked)) - (counts.cumsum() - counts)[row]
        flat = np.repeat(np.arange(rows) * length, most)
        flat[used] = masked
        return cls(torch.from_numpy(flat), torch.from_numpy(padded(used)))

    def to(self, device: torch.device) -> "Slots":
        """The slots on a device."""
        return Slots(sent(self.flat, device), sent(self.used, device))


def padded(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions, [M], and zeros after them up to a multiple of PAD_TO_MULTIPLE_OF, [P]."""
    return np.pad(positions, (0, -len(positions) % PAD_TO_MULTIPLE_OF))


def _sum(product: Tensor, x: Tensor) -> Tensor:
    """What a layer adds, and what it adds to; under autocast that stays fp32.

    A product's output is saved for no backward pass: it may be added to in place.
    """
    return product.add_(x) if product.dtype == x.dtype else product + x


def _attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """[B, heads, S, D], in the type of the query."""
    with torch.autocast(q.device.type, enabled=False):
        if slow_when_fused(q):
            return by_products(q, k, v, bias)
        return scaled_dot_product_attention(q, k, v, attn_mask=bias)


def _layer(module: Any, family: Family, dtype: torch.dtype) -> _Layer:
    attention, feed = module.attention, module.output
    if family.pre_norm:
        norms = attention.LayerNorm, module.intermediate.LayerNorm
    else:
        norms = attention.output.LayerNorm, feed.LayerNorm
    return _Layer(
        qkv=_joined((attention.self.query, attention.self.key, attention.self.value), dtype),
        out=_pair(attention.output.dense, dtype),
        up=_pair(module.intermediate.dense, dtype),
        down=_pair(feed.dense, dtype),
        norms=(_norm(norms[0]), _norm(norms[1])),
    )


def _joined(parts: tuple[nn.Linear, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    weight = torch.cat([part.weight.data for part in parts]).to(dtype)
    bias = torch.cat([part.bias.data for part in parts]).to(dtype)
    shares = zip(parts, weight.chunk(len(parts)), bias.chunk(len(parts)), strict=True)
    for part, own_weight, own_bias in shares:
        part.weight.data, part.bias.data = own_weight, own_bias
    return weight, bias


def _pair(part: nn.Linear, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    part.weight.data, part.bias.data = part.weight.data.to(dtype), part.bias.data.to(dtype)
    return part.weight.data, part.bias.data


def _norm(module: nn.LayerNorm) -> Norm:
    shape, weight, bias = module.normalized_shape, module.weight.data, module.bias.data
    return lambda x: layer_norm(x, shape, weight, bias, module.eps)
