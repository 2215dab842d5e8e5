"""The two ends of a language model with tied embeddings: lookup, and cross-entropy in chunks.

A masked-LM step needs logits at the masked positions only (15 % of them), a causal one at nearly
all, and neither all at once: loss and gradients are computed together, a chunk of positions at a
time, so no more than one chunk's [positions, vocabulary] is held, and nothing is computed twice.

The embeddings' gradient is as large as they are, and autograd would make one for each use in
every micro-batch. Here both ends add to the one that `weight.grad` holds.
"""

from collections.abc import MutableMapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding
from torch.utils.weak import WeakTensorKeyDictionary

CHUNK_ELEMENTS = {"cpu": 1 << 25, "cuda": 1 << 27}
"""Logits of a chunk, by device: 32 Mi are 128 MiB in fp32, and half as much again in bf16."""
BLOCK = 4096
"""Rows of a bf16 gradient that a CPU computes and adds at once: few enough that malloc gives the
next ones the same pages, and does not ask the system for new ones."""


_CASTS: MutableMapping[Tensor, Tensor] = WeakTensorKeyDictionary()
"""A CPU's memory for the embeddings in bf16, by the embeddings; freed with them."""


class _TiedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        dtype: torch.dtype,
        cap: float | None,
    ) -> Tensor:
        needs_features, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        low, matrix = features.to(dtype), _cast(weight, dtype)
        grad_features = torch.zeros_like(features) if needs_features else None
        grad_bias = torch.zeros_like(bias) if needs_bias else None
        earlier, held, held_low = None, None, None
        loss = features.new_zeros((), dtype=torch.float32)
        rows = max(1, CHUNK_ELEMENTS[weight.device.type] // weight.shape[0])
        for start in range(0, len(labels), rows):
            part, wanted = slice(start, start + rows), labels[start : start + rows, None]
            product = torch.mm(low[part], matrix.t())
            log_MV = _sum_in_fp32(product, bias)
            slope_MV = None if cap is None else _bend(log_MV, cap)
            torch.log_softmax(log_MV, dim=1, out=log_MV)
            at_label = log_MV.gather(1, wanted)
            loss -= at_label.sum()
            if not any(ctx.needs_input_grad[:3]):
                continue
            gradient, summed = _gradient(log_MV, wanted, at_label.expm1_(), product, slope_MV)
            if grad_bias is not None:
                grad_bias += summed
            if grad_features is not None:
                grad_features[part] = torch.mm(gradient, matrix)
            if not needs_weight:
                continue
            if start + rows < len(labels):
                earlier = torch.zeros_like(weight) if earlier is None else earlier
                _add_product(earlier, gradient, low[part])
            else:  # backward adds it to what is there, once it knows the factor
                held, held_low = gradient, low[part]
        ctx.weight = weight
        ctx.save_for_backward(grad_features, grad_bias, earlier, held, held_low)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        grad_features, grad_bias, earlier, held, held_low = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            whole = _gradient_of(ctx.weight)
            if earlier is not None:
                whole += earlier.mul_(grad_loss)
            if held is not None:
                _add_product(whole, held, held_low * grad_loss)
        for one in (grad_features, grad_bias):
            if one is not None:
                one.mul_(grad_loss)
        return grad_features, None, grad_bias, None, None, None


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, padding: int | None) -> Tensor:  # type: ignore[override]
        ctx.weight, ctx.padding = weight, padding
        ctx.save_for_backward(ids)
        return embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, ...]:  # type: ignore[override]
        (ids,) = ctx.saved_tensors
        if ctx.padding is not None:
            grad = grad.masked_fill((ids == ctx.padding)[..., None], 0.0)
        whole, rows = _gradient_of(ctx.weight), grad.flatten(0, -2)
        if whole.is_cuda:  # index_add_ adds in any order there: a resumed run would differ
            dense = torch.ops.aten.embedding_dense_backward
            whole += dense(rows, ids.flatten(), len(whole), -1, False)
        else:
            whole.index_add_(0, ids.flatten(), rows)
        return None, None, None


# What lies between the products is bound by memory: as few passes over [M, V] as there can be, in
# as little of it. A GPU mixes types within a pass; a CPU would copy to a common type before it.


def _sum_in_fp32(product_MV: Tensor, bias: Tensor) -> Tensor:
    """Logits in fp32; where the product is fp32 they take its place."""
    if product_MV.is_cuda and product_MV.dtype != bias.dtype:
        return product_MV + bias
    return product_MV.float().add_(bias)


def _bend(logits_MV: Tensor, cap: float) -> Tensor:
    """Have logits stay below a cap, in place: cap * tanh(logits / cap); returns the slope."""
    bent_MV = logits_MV.div_(cap).tanh_()
    slope_MV = 1 - bent_MV.square()
    bent_MV.mul_(cap)
    return slope_MV


def _gradient(
    log_MV: Tensor,
    wanted_M1: Tensor,
    at_label_M1: Tensor,
    place_MV: Tensor,
    slope_MV: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Probabilities, but `at_label` at the labels; and their sum over the positions, [V].

    Both times the slope by which logits were bent, where they were.

    The former in the place and type of the product; where that is fp32 it is `log_MV`'s own.
    Positions beyond those that are wanted get none.
    """
    if place_MV.is_cuda:
        gradient = torch.exp(log_MV, out=place_MV)
        gradient.scatter_(1, wanted_M1, at_label_M1.to(gradient.dtype))
        gradient[len(wanted_M1) :] = 0.0
        if slope_MV is not None:
            gradient *= slope_MV
        return gradient, gradient.sum(dim=0, dtype=log_MV.dtype)
    in_fp32 = log_MV.exp_().scatter_(1, wanted_M1, at_label_M1)
    in_fp32[len(wanted_M1) :] = 0.0
    if slope_MV is not None:
        in_fp32 *= slope_MV
    return place_MV.copy_(in_fp32), in_fp32.sum(dim=0)


def _cast(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrix in the type of the products.

    A CPU keeps the memory: new pages from the system take as long as the cast. What is in it is
    cast at every call, for torch's own count of changes (`_version`) misses fused AdamW's.
    """
    if weight.is_cuda or weight.dtype == dtype:
        return weight.to(dtype)
    matrix = _CASTS.get(weight)
    if matrix is None or matrix.dtype != dtype:
        _CASTS[weight] = matrix = torch.empty_like(weight, dtype=dtype)
    return matrix.copy_(weight)


def _gradient_of(weight: Tensor) -> Tensor:
    """What a leaf's gradients are summed in."""
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad


def _add_product(whole: Tensor, gradient_MV: Tensor, features_MH: Tensor) -> None:
    """The decoder's gradient, without a matrix of its own where the types allow."""
    if gradient_MV.dtype == whole.dtype:
        torch.addmm(whole, gradient_MV.t(), features_MH, out=whole)
        return
    at_once = len(whole) if whole.is_cuda else BLOCK
    for rows, part in zip(whole.split(at_once), gradient_MV.t().split(at_once), strict=True):
        rows += torch.mm(part, features_MH)


def lookup(weight: Tensor, ids: Tensor, padding: int | None) -> Tensor:
    """Rows of the token embeddings, [..., H]; backward adds to `weight.grad` in place.

    Args:
        weight: Token embeddings, [V, H], a leaf.
        ids: Token ids, [...].
        padding: Id whose row gets no gradient.
    """
    return _Lookup.apply(weight, ids, padding)  # type: ignore[no-any-return]


def tied_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
    *,
    dtype: torch.dtype,
    cap: float | None = None,
) -> Tensor:
    """Sum of the cross-entropy of `features @ weight.T + bias` against `labels`.

    Args:
        features: Head output at P positions, [P, H]: the M that count first, then what the batch
            is padded with, which counts nothing and gets a gradient of 0.
        weight: Token embeddings, [V, H], a leaf. No gradient is computed if it is frozen;
            otherwise backward adds it to `weight.grad` in place.
        bias: Output bias, [V].
        labels: Token ids to tell there, [M]; M <= P.
        dtype: Of the matrix products; softmax and sums are fp32 always. A GPU sums the bias's
            gradient of terms in this type.
        cap: What logits are bent to stay below (`cap * tanh(logits / cap)`), or None.

    Returns:
        A scalar, the sum (not the mean) over the M positions, in nats. Backward may be called
        once.
    """
    return _TiedCrossEntropy.apply(features, weight, bias, labels, dtype, cap)  # type: ignore[no-any-return]
