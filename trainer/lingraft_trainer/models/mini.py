"""The shallow mini-model: the bottom of its base under a head of its own."""

import copy

from torch import Tensor
from transformers import AutoModelForMaskedLM, PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.config import cut
from lingraft_trainer.models.family import encoder_layers


def joint_view(model: PreTrainedModel, family: Family, depth: int) -> PreTrainedModel:
    """MiniJoint's mini-model *on* its base: same embeddings and layers, a new head.

    Training either trains the shared modules; only the head's tensors are the view's own.
    """
    config = copy.deepcopy(model.config)
    cut(config, depth)
    view = AutoModelForMaskedLM.from_config(config)
    for name, part in model.base_model.named_children():
        path = family.body + name
        if not f"{family.layers}".startswith(f"{path}.") and path != family.final_norm:
            setattr(view.base_model, name, part)
    layers, shared = encoder_layers(view, family), encoder_layers(model, family)
    for i in range(depth):
        layers[i] = shared[i]
    view.tie_weights()
    return view


def head_tensors(model: PreTrainedModel, family: Family) -> dict[str, Tensor]:
    """The head's own tensors by their state-dict names."""
    return {name: t for name, t in model.state_dict().items() if family.of_head(name)}
