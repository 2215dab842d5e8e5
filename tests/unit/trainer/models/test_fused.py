"""One step in place of several: the same values and gradients, as near to the exact ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import silu
from transformers.activations import ACT2FN
from transformers.models.gemma2.modeling_gemma2 import Gemma2RMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.olmo2.modeling_olmo2 import Olmo2RMSNorm

from lingraft_trainer.models.fused import gated, rms_norm

Step = Callable[[Tensor], Tensor]


def outcome(step: Step, x: Tensor, grad: Tensor) -> list[Tensor]:
    """Output and gradient, in the input's type."""
    x = x.clone().requires_grad_()
    found = step(x)
    found.backward(grad.to(found.dtype))
    assert x.grad is not None
    return [found.detach(), x.grad]


def errors(step: Step, exact: list[Tensor], x: Tensor, grad: Tensor) -> list[float]:
    return [
        float((one.double() - true).abs().max() / true.abs().max())
        for one, true in zip(outcome(step, x, grad), exact, strict=True)
    ]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", [LlamaRMSNorm, Gemma2RMSNorm, Olmo2RMSNorm])
def test_rms_norms_of_both_kinds(kind: Any, scale: float) -> None:
    torch.manual_seed(0)
    module = kind(48)
    module.weight.data = torch.randn(48)
    module.requires_grad_(False)
    x, grad = scale * torch.randn(6, 5, 48), torch.randn(6, 5, 48)
    eps = getattr(module, "variance_epsilon", None) or module.eps
    factor = module.weight.double() + (kind is Gemma2RMSNorm)

    def in_double(x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * factor

    ours = rms_norm(module)
    assert ours is not None
    exact = outcome(in_double, x.double(), grad.double())
    mine, theirs = (errors(step, exact, x, grad) for step in (ours, module))
    assert all(a < 2 * b + 1e-7 for a, b in zip(mine, theirs, strict=True))
    low = x.bfloat16()  # as its own module has it
    assert torch.equal(ours(low), module(low))


def test_what_is_no_rms_norm_stays_as_it_is() -> None:
    class OddRMSNorm(LlamaRMSNorm):
        def forward(self, hidden_states: Tensor) -> Tensor:
            return super().forward(hidden_states) * 3

    odd = OddRMSNorm(8)
    odd.weight.data = torch.randn(8)
    assert rms_norm(nn.LayerNorm(8)) is None
    assert rms_norm(odd) is None


@pytest.mark.parametrize("name", ["silu", "gelu_pytorch_tanh"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gated_halves(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    inner, grad = torch.randn(3, 7, 20).to(dtype), torch.randn(3, 7, 10).to(dtype)
    activation = ACT2FN[name]

    def plain(x: Tensor) -> Tensor:
        active, gate = x.chunk(2, dim=-1)
        return (silu(active) if name == "silu" else activation(active)) * gate

    found = outcome(lambda x: gated(activation, x), inner, grad)
    for one, expected in zip(found, outcome(plain, inner, grad), strict=True):
        torch.testing.assert_close(one, expected)
