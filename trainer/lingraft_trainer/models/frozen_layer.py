"""One frozen layer's weights, as its family says where they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from lingraft.families import Layer
from lingraft_trainer.models.bridge import ATTRIBUTE
from lingraft_trainer.models.fused import rms_norm

Norm = Callable[[Tensor], Tensor]
Product = tuple[Tensor, Tensor | None]
"""Weight [out, in] and bias [out]."""


@dataclass(frozen=True)
class FrozenLayer:
    """H hidden, Q queries (often H), K keys, I intermediate."""

    qkv: Product  # [Q + 2K, H]
    out: Product  # [H, Q]
    up: Product  # [I, H]; gated [2I, H]
    down: Product  # [H, I]
    norms: tuple[Norm, Norm]  # beside attention, beside the feed-forward
    added_norms: tuple[Norm, Norm]  # of what each adds
    query_key_norms: tuple[Norm, ...]  # of queries and of keys, or none
    kind: str
    rotates: bool
    bridge: Product | None  # [H, H], before it

    @classmethod
    def of(
        cls,
        module: nn.Module,
        layer: Layer,
        kind: str,
        dtype: torch.dtype,
        *,
        head: int,
        rotates: bool,
    ) -> "FrozenLayer":
        """Of a layer of transformers', whose products become views of these.

        Args:
            module: The layer.
            layer: Its anatomy.
            kind: Which positions it sees, as `config.layer_types` has it.
            dtype: Of the products' weights, at most.
            head: Width of one.
            rotates: Whether it rotates queries and keys.
        """

        def product(*names: str) -> Product:
            parts: list[Any] = [module.get_submodule(name) for name in names]
            return _joined(parts, dtype)

        def norms(names: tuple[str, str] | None) -> tuple[Norm, Norm]:
            if names is None:
                return _as_it_is, _as_it_is
            return _norm(module.get_submodule(names[0])), _norm(module.get_submodule(names[1]))

        of_heads = (
            _norm_of_heads(module.get_submodule(name), head) for name in layer.query_key_norms or ()
        )
        bridge: Any = getattr(module, ATTRIBUTE, None)
        return cls(
            qkv=product(*layer.qkv),
            out=product(layer.out),
            up=product(*layer.up),
            down=product(layer.down),
            norms=norms(layer.norms),
            added_norms=norms(layer.added_norms),
            query_key_norms=tuple(of_heads),
            kind=kind,
            rotates=rotates,
            bridge=None if bridge is None else _joined([bridge], dtype),
        )


def _joined(parts: Sequence[nn.Linear], dtype: torch.dtype) -> Product:
    """Products of one input as one; each part keeps a view of its own."""
    weight = _cat([part.weight for part in parts], dtype)
    biased = parts[0].bias is not None
    bias = _cat([part.bias for part in parts], dtype) if biased else None
    sizes = [part.out_features for part in parts]
    for part, own in zip(parts, weight.split(sizes), strict=True):
        part.weight.data = own
    if bias is not None:
        for part, own in zip(parts, bias.split(sizes), strict=True):
            part.bias.data = own
    return weight, bias


def _cat(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """One tensor; of a narrower type than is asked for it stays so (`held_linear`)."""
    data = [tensor.data for tensor in tensors]
    whole = torch.cat(data) if len(data) > 1 else data[0]
    return whole if torch.promote_types(whole.dtype, dtype) == dtype else whole.to(dtype)


def _norm(module: Any) -> Norm:
    if not isinstance(module, nn.LayerNorm):
        return rms_norm(module) or module
    shape, weight = module.normalized_shape, module.weight.data
    bias = None if module.bias is None else module.bias.data
    return lambda x: layer_norm(x, shape, weight, bias, module.eps)


def _norm_of_heads(module: Any, head: int) -> Norm:
    """A norm of [..., heads * head]: of each head by itself where its weight is that of one."""
    if module.weight.numel() != head:
        return _norm(module)
    norm = _norm(module)
    return lambda x: norm(x.unflatten(-1, (-1, head))).flatten(-2)


def _as_it_is(x: Tensor) -> Tensor:
    return x
