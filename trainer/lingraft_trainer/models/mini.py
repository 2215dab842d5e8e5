"""The shallow mini-model: the bottom of its base under a head of its own."""

import copy

from torch import Tensor
from transformers import AutoModelForMaskedLM, PreTrainedModel

from lingraft_trainer.models.family import Family, encoder_layers


def of_head(name: str, family: Family) -> bool:
    """Whether a state-dict name belongs to the masked-LM head, the tied decoder left out."""
    return name.startswith(family.head) and not name.endswith(("decoder.weight", "decoder.bias"))


def joint_view(model: PreTrainedModel, family: Family, depth: int) -> PreTrainedModel:
    """MiniJoint's mini-model *on* its base: same embeddings and layers, a new head.

    Training either trains the shared modules; only the head's tensors are the view's own.
    """
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = depth
    view = AutoModelForMaskedLM.from_config(config)
    view.base_model.embeddings = model.base_model.embeddings
    layers, shared = encoder_layers(view, family), encoder_layers(model, family)
    for i in range(depth):
        layers[i] = shared[i]
    view.tie_weights()
    return view


def head_tensors(model: PreTrainedModel, family: Family) -> dict[str, Tensor]:
    """The head's own tensors by their state-dict names."""
    return {name: tensor for name, tensor in model.state_dict().items() if of_head(name, family)}
