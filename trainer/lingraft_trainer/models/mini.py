"""The shallow mini-model: the bottom of its base under a head of its own."""

import copy

from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.config import cut


def joint_view(model: PreTrainedModel, family: Family, depth: int) -> PreTrainedModel:
    """MiniJoint's mini-model *on* its base: same embeddings and layers, a new head.

    Training either trains the shared modules; only the head's tensors are the view's own.
    """
    config = copy.deepcopy(model.config)
    cut(config, depth)
    view = AutoModelForMaskedLM.from_config(config)
    _share(view.base_model, model.base_model, family, family.body)
    view.tie_weights()
    return view


def _share(view: nn.Module, whole: nn.Module, family: Family, path: str) -> None:
    """Give a view the modules of a whole body, but for a final norm and the layers above it.

    Args:
        view: What gets them.
        whole: The same module of the whole model.
        family: The models'.
        path: Its name, and a dot.
    """
    for name, part in whole.named_children():
        here, own = f"{path}{name}", view.get_submodule(name)
        if f"{here}." == family.layers:
            for number, _ in own.named_children():
                setattr(own, number, part.get_submodule(number))
        elif family.layers.startswith(f"{here}."):
            _share(own, part, family, f"{here}.")
        elif here != family.final_norm:
            setattr(view, name, part)


def head_tensors(model: PreTrainedModel, family: Family) -> dict[str, Tensor]:
    """The head's own tensors by their state-dict names."""
    return {name: t for name, t in model.state_dict().items() if family.of_head(name)}
