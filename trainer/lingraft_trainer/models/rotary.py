"""Rotary positions (Su et al. 2021, RoFormer): queries and keys turned by their positions.

Pairs are half a head apart. Turned in place, where the product lies: nothing is kept for the
backward pass but the angles, which turns back.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lingraft.families import Family

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of each position's angles, each [B or 1, S, 1, D / 2] in fp32."""


def rotations(
    module: Any, family: Family, kinds: set[str], x_BSH: Tensor, position_ids: Tensor
) -> dict[str, Rotation]:
    """The rotations of each kind of layer, as transformers' own module gives them.

    Args:
        module: The family's `rotary`.
        family: Whose layers have kinds of their own, or one.
        kinds: Of layers.
        x_BSH: Any states, for their type and device.
        position_ids: [B, S].
    """
    found: dict[str, Rotation] = {}
    for kind in kinds:
        cos, sin = module(x_BSH, position_ids, *((kind,) if family.local else ()))
        half = cos.shape[-1] // 2  # the other half is the same
        found[kind] = cos[..., None, :half], sin[..., None, :half]
    return found


def at_positions(rotation: Rotation, flat: Tensor, rows: int) -> Rotation:
    """A rotation at some positions of every row: [B, K, 1, D / 2].

    Args:
        rotation: At all positions of every row.
        flat: The positions in the flattened [B * S], [B * K].
        rows: B.
    """
    cos, sin = (part.flatten(0, 1).index_select(0, flat) for part in rotation)
    return cos.unflatten(0, (rows, -1)), sin.unflatten(0, (rows, -1))


class _Turn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, product: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:  # type: ignore[override]
        ctx.mark_dirty(product)
        ctx.save_for_backward(cos, sin)
        ctx.heads = heads
        return _turned(product, cos, sin, heads)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        cos, sin = ctx.saved_tensors
        return _turned(grad.clone(), cos, -sin, ctx.heads), None, None, None


def _turned(product: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
    """The product with its first heads turned, in place."""
    width = 2 * cos.shape[-1]
    whole = product[..., : heads * width].unflatten(-1, (heads, width))
    first, second = whole.chunk(2, dim=-1)
    turned = first * cos - second * sin
    second.copy_(second * cos + first * sin)
    first.copy_(turned)
    return product


def turn(product: Tensor, rotation: Rotation, heads: int) -> Tensor:
    """A product's first heads turned, in place.

    Args:
        product: [B, S, at least heads * D], a matrix product's output.
        rotation: Of its positions.
        heads: How many.
    """
    return _Turn.apply(product, *rotation, heads)  # type: ignore[no-any-return]
