"""Frozen layers whose products' weights stay as their checkpoint has them, in bf16 say.

Eight billion of them are 16 GB so, and 32 GB in fp32. The values are the same: a product in fp32
widens a weight while it needs it, which loses nothing, and keeps no copy; the backward pass
widens it anew. What stays as it is need not be copied out of its file either. safetensors maps
that, so that the system may drop parts of it where memory is short, and read them again.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from transformers import PreTrainedModel

from lingraft.families import Family


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # type: ignore[override]
        ctx.weight = weight
        return linear(x, weight.to(x.dtype), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return grad @ ctx.weight.to(grad.dtype), None, None


def held_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`linear` by a frozen weight that may be of a narrower type than its input.

    Args:
        x: [..., H].
        weight: [O, H], which gets no gradient.
        bias: [O], likewise, in the type of the input.
    """
    if weight.dtype == x.dtype or torch.is_autocast_enabled(x.device.type):
        return linear(x, weight, bias)
    flat = _Product.apply(x.flatten(0, -2), weight, bias)  # a view of its own may be added to
    return flat.unflatten(0, x.shape[:-1])  # type: ignore[no-any-return]


class Held(nn.Linear):
    """A frozen linear module in a narrower type than what it is given."""

    def forward(self, input: Tensor) -> Tensor:
        """[..., H] -> [..., O]."""
        return held_linear(input, self.weight, self.bias)


def hold(model: PreTrainedModel, family: Family, dtype: torch.dtype, layers: int | None) -> None:
    """Have layers' products held in a type, and all else in fp32; in place.

    Args:
        model: With a head or without, in any type.
        family: The model's.
        dtype: That the weights are of already, or are rounded to. fp32: nothing is narrower.
        layers: How many, from the bottom, which are frozen; None: all of them.
    """
    body: Any = model.base_model  # a model that is a body alone has its layers there too
    whole: Any = body.get_submodule(family.layers.removeprefix(family.body).rstrip("."))
    held: set[nn.Parameter] = set()
    for layer in list(whole)[:layers] if dtype != torch.float32 else []:
        for module in list(layer.modules()):
            for name, child in module.named_children():
                if type(child) in (nn.Linear, Held):
                    child.weight.requires_grad_(False)
                    child.weight.data = child.weight.data.to(dtype)
                    held.add(child.weight)
                    setattr(module, name, _held(child))
    for parameter in model.parameters():
        if parameter not in held:
            parameter.data = parameter.data.to(torch.float32)


def _held(linear: nn.Linear) -> Held:
    """The same module, with the same parameters, as one that takes wider input."""
    found = Held(linear.in_features, linear.out_features, device="meta")
    found.weight, found.bias = linear.weight, linear.bias
    return found
