"""A mini-model's bridge: a linear map in place of the layers that it leaves out.

It stands below the first of the upper layers, and adds to what comes from the lower ones what the
left-out layers would have added, as far as a linear map can tell. Ours, not the paper's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.family import encoder_layers

BRIDGE = "bridge.safetensors"
"""Beside a mini-model's checkpoint: tensors `weight` [H, H] and `bias` [H]."""
LAYERS = "layers"
"""The file's metadata: the number of layers below the bridge."""
ATTRIBUTE = "bridge"
"""Where the layer above holds it; the frozen path looks there."""


@dataclass(frozen=True)
class Bridge:
    """What is added to a state h: `weight @ h + bias`.

    Attributes:
        weight: [H, H].
        bias: [H].
        layers: How many layers stand below it.
    """

    weight: Tensor
    bias: Tensor
    layers: int

    def save(self, folder: Path) -> None:
        """Write it beside the mini-model that it belongs to."""
        tensors = {"weight": self.weight.contiguous(), "bias": self.bias.contiguous()}
        save_file(tensors, folder / BRIDGE, {LAYERS: str(self.layers)})


def read_bridge(folder: Path) -> Bridge | None:
    """A mini-model's bridge, where it has one."""
    file = folder / BRIDGE
    if not file.exists():
        return None
    with safe_open(file, "pt") as opened:
        layers = int(opened.metadata()[LAYERS])
        return Bridge(opened.get_tensor("weight"), opened.get_tensor("bias"), layers)


def with_bridge(model: PreTrainedModel, family: Family, bridge: Bridge | None) -> PreTrainedModel:
    """The mini-model with its bridge in place; changed in place, its bridge frozen."""
    if bridge is None:
        return model
    above = encoder_layers(model, family)[bridge.layers]
    size = len(bridge.bias)
    module = nn.Linear(size, size, device="meta").requires_grad_(False)
    module.weight = nn.Parameter(bridge.weight, requires_grad=False)
    module.bias = nn.Parameter(bridge.bias, requires_grad=False)
    setattr(above, ATTRIBUTE, module)
    above.register_forward_pre_hook(_cross, with_kwargs=True)
    return model


def _cross(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A layer's arguments, its input past the bridge: it comes first, or by its name."""
    module: Any = getattr(layer, ATTRIBUTE)

    def past(hidden: Tensor) -> Tensor:
        return hidden + linear(hidden, module.weight, module.bias)

    if args:
        return (past(args[0]), *args[1:]), kwargs
    return args, kwargs | {"hidden_states": past(kwargs["hidden_states"])}
