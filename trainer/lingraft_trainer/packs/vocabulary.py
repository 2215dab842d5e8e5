"""A language's vocabulary as a model holds it, and how one takes the place of another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.family import set_vocabulary

ALWAYS = ("pad_token_id", "bos_token_id", "eos_token_id")
"""Roles that every config has a field for; the others are set where there is one."""


@dataclass(frozen=True)
class Vocabulary:
    """All that differs between two languages of one body.

    Attributes:
        matrix: Token embeddings, [V, E].
        pad_id: Padding id.
        bias: Output bias [V]; None: zeros where the decoder has one.
        output: Decoder matrix of an untied model, [V, E].
        roles: Ids of special tokens by their fields in config.json.
        config: Further fields of config.json, of the base itself: task models have none of them.
        generation: How a causal base generates; None where it does not.
    """

    matrix: nn.Parameter
    pad_id: int
    bias: nn.Parameter | None = None
    output: nn.Parameter | None = None
    roles: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    generation: GenerationConfig | None = None

    @property
    def bytes(self) -> int:
        """Of its tensors, in memory."""
        parts = (self.matrix, self.bias, self.output)
        return sum(one.numel() * one.element_size() for one in parts if one is not None)

    def move(self, device: torch.device) -> None:
        """Move its tensors, in place."""
        for one in (self.matrix, self.bias, self.output):
            if one is not None:
                one.data = one.data.to(device)

    def into(self, model: PreTrainedModel, family: Family) -> None:
        """Give a model this vocabulary in place of its own. Nothing is copied.

        Args:
            model: The base, its body, or a task model of it.
            family: The model's.
        """
        set_vocabulary(model, family, self.matrix, self.pad_id, self.bias, self.output)
        set_ids(model, self.roles, self.config)
        if self.generation is not None and model.can_generate():
            model.generation_config = self.generation


def frozen(tensor: Tensor) -> nn.Parameter:
    """A parameter that is not trained."""
    return nn.Parameter(tensor, requires_grad=False)


def set_ids(
    model: PreTrainedModel, roles: Mapping[str, int | None], config: Mapping[str, Any]
) -> None:
    """Have a model's config name the ids of another vocabulary, in place."""
    for name, number in roles.items():
        if name in ALWAYS or hasattr(model.config, name):
            setattr(model.config, name, number)
    if not of_task(model):
        for name, value in config.items():
            setattr(model.config, name, value)


def of_task(model: PreTrainedModel) -> bool:
    """Whether a model is neither a base nor a body: it has a task's head."""
    bare = model.base_model is model
    return not bare and model.get_output_embeddings() is None
