"""A frozen body as plain functions: what training embeddings through it needs, and no more.

transformers' modules compute every layer at every position. A masked-LM loss reads the last
layer at the masked positions alone, and within a layer only keys and values look at other
positions: so the last layer's queries, attention output, feed-forward and norms are computed
for the masked positions only. That is exact. A causal loss reads it almost everywhere, and has
nothing to spare there. Query, key and value are one product here, whose frozen weights lie side
by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.activations import ACT2FN

from lingraft.families import Family
from lingraft_trainer.models.attention import as_bias, by_products, slow_when_fused
from lingraft_trainer.models.family import dropped, encoder_layers
from lingraft_trainer.models.frozen_layer import FrozenLayer, Norm, Product
from lingraft_trainer.models.fused import gated
from lingraft_trainer.models.held import held_linear
from lingraft_trainer.models.near import near_attention, pays
from lingraft_trainer.models.rotary import Rotation, at_positions, rotations, turn
from lingraft_trainer.models.seen import LOCAL, kinds_of, seen_by_kind
from lingraft_trainer.models.slots import Slots


@dataclass(frozen=True)
class _Sight:
    """What layers of one kind share.

    Attributes:
        bias: Added to the scores, [B or 1, heads or 1, S, S], or None.
        rotation: Of queries and keys, or None.
        window: How far a token sees to each side, where rows are so long that it pays; or None.
    """

    bias: Tensor | None
    rotation: Rotation | None
    window: int | None


class FrozenBody:
    """A language model's layers, frozen and without dropout.

    It takes the layers' products from the model, whose weights become views of its own, in its
    dtype: nothing is held twice.

    Args:
        model: Where it will run: its weights are not to be moved afterwards. In bf16 its own
            `forward` can no longer be called.
        family: The model's.
        dtype: Of the products' weights, cast here once and not in every update. Narrower ones stay
            as they are.
    """

    def __init__(self, model: PreTrainedModel, family: Family, dtype: torch.dtype) -> None:
        config: Any = model.config
        self.family = family
        self.config = config
        self.heads: int = config.num_attention_heads
        key_heads = family.sizes.key_heads
        self.key_heads: int = getattr(config, key_heads) if key_heads else self.heads
        width = getattr(config, family.sizes.head, None) if family.sizes.head else None
        self.width: int = width or config.hidden_size // self.heads
        scale = getattr(config, family.score_scale) if family.score_scale else self.width
        self.scaling: float = scale**-0.5
        self.cap: float | None = getattr(config, family.score_cap) if family.score_cap else None
        self.activation: Callable[[Tensor], Tensor] = ACT2FN[getattr(config, family.activation)]
        self.dtype = dtype
        layers = encoder_layers(model, family)
        rotates = getattr(config, family.rotates) if family.rotates else [1] * len(layers)
        self.layers = [
            FrozenLayer.of(
                layer, family.layer, kind, dtype, head=self.width, rotates=bool(rotates[number])
            )
            for number, (layer, kind) in enumerate(
                zip(layers, kinds_of(config, family), strict=True)
            )
        ]
        self.rotary = model.get_submodule(family.rotary) if family.rotary else None
        self.relative: Any = model.get_submodule(family.relative) if family.relative else None

    @staticmethod
    def fits(model: PreTrainedModel, family: Family) -> bool:
        """Whether the model may run here: its family, frozen layers, and no dropout to draw."""
        layers = encoder_layers(model, family)
        trains = any(p.requires_grad for p in layers.parameters())
        return family.frozen and not trains and not dropped(model.config, family)

    def __call__(
        self,
        x_BSH: Tensor,
        attention: Tensor | None,
        told: Tensor,
        slots: Slots | None,
        position_ids: Tensor,
    ) -> Tensor:
        """The last layer's output where tokens are to be told, [P, H], without a final norm.

        Args:
            x_BSH: Output of the embeddings.
            attention: [B, 1, S, S] bool, which positions are of one piece; None: all of a row.
            told: Those positions in the flattened [B * S], `padded`, [P].
            slots: The same, as a rectangle; None where they are almost all there are.
            position_ids: [B, S]; rotations are made of them.
        """
        sights = self._sights(x_BSH, attention, position_ids)
        for layer in self.layers[:-1]:
            x_BSH = _past_bridge(layer, x_BSH)
            x_BSH = self._after(layer, x_BSH, self._attend(layer, x_BSH, sights[layer.kind]))
        last = self.layers[-1]
        x_BSH = _past_bridge(last, x_BSH)
        x_TH = x_BSH.flatten(0, 1)
        if slots is None:
            attended = self._attend(last, x_BSH, sights[last.kind]).flatten(0, 1)
            return self._after(last, x_TH, attended).index_select(0, told)
        attended = self._attend_from(last, x_BSH, sights[last.kind], slots)
        return self._after(last, x_TH.index_select(0, told), attended)

    def _sights(
        self, x_BSH: Tensor, attention: Tensor | None, position_ids: Tensor
    ) -> dict[str, _Sight]:
        """By the kind of layer: torch would make a bias of a mask in every layer."""
        length = x_BSH.shape[1]
        kinds = {layer.kind for layer in self.layers}
        seen = seen_by_kind(self.config, self.family, attention, length, x_BSH.device)
        turns: dict[str, Rotation] = {}
        if self.rotary is not None:
            turns = rotations(self.rotary, self.family, kinds, x_BSH, position_ids)
        moved = None
        if self.relative is not None:
            moved = self.relative.compute_position_bias(x_BSH[:1]).to(self.dtype)
        sights: dict[str, _Sight] = {}
        for kind in kinds:
            bias = as_bias(seen[kind], self.dtype)
            if moved is not None:
                bias = moved if bias is None else bias + moved
            window = int(self.config.sliding_window) if kind == LOCAL else length
            sights[kind] = _Sight(bias, turns.get(kind), window if pays(length, window) else None)
        return sights

    def _attend(self, layer: FrozenLayer, x_BSH: Tensor, sight: _Sight) -> Tensor:
        """Attention of a layer's input, its output product left out: [B, S, Q]."""
        if self.family.layer.pre_norm:
            x_BSH = layer.norms[0](x_BSH)
        rotation = sight.rotation if layer.rotates else None
        heads = (self.heads, self.key_heads, self.key_heads)
        qkv = held_linear(x_BSH, *layer.qkv)
        q, k, v = self._split(qkv, heads, layer.query_key_norms, rotation)
        if sight.window is not None and sight.bias is not None:
            seen = near_attention(self._attention, q, k, v, sight.bias, sight.window)
        else:
            seen = self._attention(q, k, v, sight.bias)
        return seen.transpose(1, 2).flatten(2)

    def _attend_from(
        self, layer: FrozenLayer, x_BSH: Tensor, sight: _Sight, slots: Slots
    ) -> Tensor:
        """The same from the slots alone, [P, Q]."""
        rows, length, _ = x_BSH.shape
        if self.family.layer.pre_norm:
            x_BSH = layer.norms[0](x_BSH)
        width = self.heads * self.width
        for_query, for_rest = _parted(layer.qkv, width)
        kv = held_linear(x_BSH, *for_rest)
        chosen = x_BSH.flatten(0, 1).index_select(0, slots.flat)
        query = held_linear(chosen, *for_query).view(rows, -1, width)
        rotation = sight.rotation if layer.rotates else None
        there = None if rotation is None else at_positions(rotation, slots.flat, rows)
        norms = layer.query_key_norms
        k, v = self._split(kv, (self.key_heads, self.key_heads), norms[1:], rotation)
        (q,) = self._split(query, (self.heads,), norms[:1], there)
        bias = None if sight.bias is None else _bias_from(sight.bias, slots.flat, rows, length)
        seen = self._attention(q, k, v, bias).transpose(1, 2)
        return seen.reshape(-1, width).index_select(0, slots.used)

    def _split(
        self,
        product: Tensor,
        heads: tuple[int, ...],
        norms: tuple[Norm, ...],
        rotation: Rotation | None,
    ) -> list[Tensor]:
        """[B, S, all heads * D] as one [B, heads, S, D] for each: queries, keys, values.

        Args:
            product: The product.
            heads: Of each part; values stand behind the others.
            norms: Of queries and keys, or none.
            rotation: Theirs, or None.
        """
        if norms:
            parts = product.split([number * self.width for number in heads], dim=-1)
            normed = [
                norm(part).to(product.dtype) for norm, part in zip(norms, parts, strict=False)
            ]
            product = torch.cat([*normed, *parts[len(norms) :]], dim=-1)
        if rotation is not None:
            values = heads[-1] if len(heads) > 1 else 0
            product = turn(product, rotation, sum(heads) - values, self.width)
        parts = product.unflatten(-1, (sum(heads), -1)).split(heads, dim=2)
        return [part.transpose(1, 2) for part in parts]

    def _attention(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """[B, heads, S, D], in the type of the query."""
        if self.key_heads < self.heads:
            k, v = (t.repeat_interleave(self.heads // self.key_heads, dim=1) for t in (k, v))
        with torch.autocast(q.device.type, enabled=False):
            if self.cap is not None or slow_when_fused(q):
                return by_products(q, k, v, bias, scaling=self.scaling, cap=self.cap)
            return scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=self.scaling)

    def _after(self, layer: FrozenLayer, x: Tensor, attended: Tensor) -> Tensor:
        """What follows attention; it looks at no other position: [..., H] -> [..., H]."""
        first, second = layer.norms
        of_attention, of_feed = layer.added_norms
        x = _sum(of_attention(held_linear(attended, *layer.out)), x)
        if self.family.layer.pre_norm:
            return _sum(of_feed(self._feed(layer, second(x))), x)
        x = first(x)
        return second(_sum(of_feed(self._feed(layer, x)), x))

    def _feed(self, layer: FrozenLayer, x: Tensor) -> Tensor:
        inner = held_linear(x, *layer.up)
        if not self.family.layer.gated:
            return held_linear(self.activation(inner), *layer.down)
        return held_linear(gated(self.activation, inner), *layer.down)


def _past_bridge(layer: FrozenLayer, x_BSH: Tensor) -> Tensor:
    """A layer's input, past its mini-model's bridge where one stands before it."""
    return x_BSH if layer.bridge is None else _sum(held_linear(x_BSH, *layer.bridge), x_BSH)


def _parted(product: Product, at: int) -> tuple[Product, Product]:
    """A product's first rows and the others."""
    weight, bias = product
    first = weight[:at], None if bias is None else bias[:at]
    return first, (weight[at:], None if bias is None else bias[at:])


def _bias_from(bias: Tensor, flat: Tensor, rows: int, length: int) -> Tensor:
    """What is added to the scores of some positions: [B, heads or 1, K, S]."""
    if len(bias) == 1:
        chosen = bias[0].index_select(1, flat % length).unflatten(1, (rows, -1))
        return chosen.transpose(0, 1)
    chosen = bias.transpose(1, 2).flatten(0, 1).index_select(0, flat)
    return chosen.unflatten(0, (rows, -1)).transpose(1, 2)


def _sum(product: Tensor, x: Tensor) -> Tensor:
    """What a layer adds, and what it adds to; under autocast that stays fp32.

    A product's output is saved for no backward pass: it may be added to in place.
    """
    return product.add_(x) if product.dtype == x.dtype else product + x
