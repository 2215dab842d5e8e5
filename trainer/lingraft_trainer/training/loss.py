"""Masked-only cross-entropy through a tied decoder, in chunks.

A masked-LM step needs logits at the masked positions only (15 % of them), and never all at
once: loss and gradients are computed together, a chunk of positions at a time, so no
[positions, vocabulary] tensor outlives its chunk and nothing is computed twice.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

CHUNK_ELEMENTS = 1 << 25
"""Logits in memory at once: 32 Mi elements, 128 MiB in fp32."""


class _TiedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, dtype: torch.dtype
    ) -> Tensor:
        needs_features, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        low, matrix = features.to(dtype), weight.to(dtype)
        grad_features = torch.empty_like(features) if needs_features else None
        grad_weight = torch.zeros_like(weight) if needs_weight else None
        grad_bias = torch.zeros_like(bias) if needs_bias else None
        loss = features.new_zeros((), dtype=torch.float32)
        rows = max(1, CHUNK_ELEMENTS // weight.shape[0])
        for start in range(0, features.shape[0], rows):
            part, wanted = slice(start, start + rows), labels[start : start + rows, None]
            logits_MV = torch.mm(low[part], matrix.t()).float().add_(bias)
            peak = logits_MV.amax(dim=1, keepdim=True)
            at_label = logits_MV.gather(1, wanted) - peak
            # From here on the logits' memory holds the probabilities, then the gradient.
            probabilities = logits_MV.sub_(peak).exp_()
            total = probabilities.sum(dim=1, keepdim=True)
            loss += (total.log() - at_label).sum()
            if not any(ctx.needs_input_grad[:3]):
                continue
            gradient = probabilities.div_(total)
            gradient.scatter_add_(1, wanted, gradient.new_full(wanted.shape, -1.0))
            if grad_bias is not None:
                grad_bias += gradient.sum(dim=0)
            gradient = gradient.to(dtype)
            if grad_features is not None:
                grad_features[part] = torch.mm(gradient, matrix)
            if grad_weight is not None:
                if dtype == weight.dtype:
                    torch.addmm(grad_weight, gradient.t(), low[part], out=grad_weight)
                else:
                    grad_weight += torch.mm(gradient.t(), low[part])
        ctx.save_for_backward(grad_features, grad_weight, grad_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_loss: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gradients = ctx.saved_tensors  # type: ignore[attr-defined]
        return *(None if one is None else one.mul_(grad_loss) for one in gradients), None, None


def tied_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, *, dtype: torch.dtype
) -> Tensor:
    """Sum of the cross-entropy of `features @ weight.T + bias` against `labels`.

    Args:
        features: Head output at the masked positions, [M, H].
        weight: Token embeddings, [V, H]. No gradient is computed if it is frozen.
        bias: Output bias, [V].
        labels: Token ids, [M].
        dtype: Of the matrix products; softmax and sums are fp32 always.

    Returns:
        A scalar, the sum (not the mean) over the M positions, in nats. Backward may be called
        once.
    """
    return _TiedCrossEntropy.apply(features, weight, bias, labels, dtype)  # type: ignore[no-any-return]
