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
"""Cosine and sine of each position's angles, each [B or 1, S, 1, R / 2] in fp32: of a head's D
elements the first R are turned, often all of them."""


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
        cos, sin = module(x_BSH, position_ids, *((kind,) if family.rotary_by_kind else ()))
        half = cos.shape[-1] // 2  # the other half is the same
        found[kind] = cos[..., None, :half], sin[..., None, :half]
    return found


def at_positions(rotation: Rotation, flat: Tensor, rows: int) -> Rotation:
    """A rotation at some positions of every row: [B, K, 1, R / 2].

    Args:
        rotation: At all positions of every row.
        flat: The positions in the flattened [B * S], [B * K].
        rows: B.
    """
    cos, sin = (part.flatten(0, 1).index_select(0, flat) for part in rotation)
    return cos.unflatten(0, (rows, -1)), sin.unflatten(0, (rows, -1))


class _Turn(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, product: Tensor, cos: Tensor, sin: Tensor, heads: int, width: int
    ) -> Tensor:
        ctx.mark_dirty(product)
        ctx.save_for_backward(cos, sin)
        ctx.heads, ctx.width = heads, width
        return _turned(product, cos, sin, heads, width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        cos, sin = ctx.saved_tensors
        return _turned(grad.clone(), cos, -sin, ctx.heads, ctx.width), None, None, None, None


def _turned(product: Tensor, cos: Tensor, sin: Tensor, heads: int, width: int) -> Tensor:
    """The product with its first heads turned, in place."""
    whole = product[..., : heads * width].unflatten(-1, (heads, width))[..., : 2 * cos.shape[-1]]
    first, second = whole.chunk(2, dim=-1)
    turned = first * cos - second * sin
    second.copy_(second * cos + first * sin)
    first.copy_(turned)
    return product


def turn(product: Tensor, rotation: Rotation, heads: int, width: int) -> Tensor:
    """A product's first heads turned, in place.

    Args:
        product: [B, S, at least heads * D], a matrix product's output.
        rotation: Of its positions.
        heads: How many.
        width: D.
    """
    return _Turn.apply(product, *rotation, heads, width)  # type: ignore[no-any-return]
