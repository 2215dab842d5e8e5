"""What lies between a frozen layer's products, with as few passes over memory as there can be.

On a CPU element-wise work is bound by memory, and a norm in transformers' code takes seven passes
there and as many back. Here a step keeps its input alone, and computes the rest again.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu
from transformers.activations import SiLUActivation

SILU = (torch.nn.SiLU, SiLUActivation)


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:  # type: ignore[override]
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, scale)
        ctx.weight = weight
        return (x * weight).mul_(scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        x, scale = ctx.saved_tensors
        grad = grad * ctx.weight
        along = torch.linalg.vecdot(grad, x).unsqueeze_(-1)
        along.mul_(scale).mul_(scale).div_(-x.shape[-1])
        return grad.addcmul_(x, along).mul_(scale), None, None


class _GatedSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inner: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(inner)
        active, gate = inner.chunk(2, dim=-1)
        return silu(active).mul_(gate)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (inner,) = ctx.saved_tensors
        active, gate = inner.chunk(2, dim=-1)
        whole = torch.empty_like(inner)
        of_active, of_gate = whole.chunk(2, dim=-1)
        torch.mul(grad, silu(active), out=of_gate)
        torch.ops.aten.silu_backward.grad_input(grad * gate, active, grad_input=of_active)
        return whole


def rms_norm(module: Any) -> Callable[[Tensor], Tensor] | None:
    """A frozen RMS norm of transformers' as one step for fp32 input; None where it is no such norm.

    Its answer to ones tells whether its family multiplies by the weight, or by the weight plus 1.
    """
    if "RMSNorm" not in type(module).__name__:
        return None
    eps = float(getattr(module, "variance_epsilon", getattr(module, "eps", 0.0)))
    weight = module.weight.data.float()
    with torch.no_grad():
        told = module(torch.ones_like(weight)) * (1 + eps) ** 0.5
    fits = [factor for factor in (weight, weight + 1) if torch.allclose(told, factor, atol=1e-4)]
    if not fits:
        return None
    (factor,) = fits

    def apply(x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            return module(x)
        return _RmsNorm.apply(x, factor, eps)  # type: ignore[no-any-return]

    return apply


def gated(activation: Callable[[Tensor], Tensor], inner: Tensor) -> Tensor:
    """`activation(first half) * second half`, [..., 2I] -> [..., I]."""
    if isinstance(activation, SILU):
        return _GatedSilu.apply(inner)  # type: ignore[no-any-return]
    active, gate = inner.chunk(2, dim=-1)
    return activation(active) * gate
