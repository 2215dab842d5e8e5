"""A start for small models: the first layer's heads look at neighbouring tokens at once.

A small masked LM sits at the unigram loss for thousands of updates until some head finds
"the token to the left"; before that nothing transfers to another language. Trained models
all have such heads in their lower layers, so a base can as well start with them: positions
as sinusoids, in which a shift is a rotation (Vaswani et al. 2017, section 3.5), and queries
of the first layer that rotate, head by head, by -1, +1, -2, +2. Everything trains on from
there; the checkpoint is an ordinary one. `docs/demo.md` has the measured difference.
"""

import math
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from lingraft.families import Family
from lingraft_trainer.models.family import encoder_layers

OFFSETS = (-1, 1, -2, 2)
SHARPNESS = 1.5
"""Weight of the rotation in query and identity in key; at 1.5 heads prefer, not insist."""
NOISE = 0.25
"""What is left of the random start in those weights, so that heads can still differ."""


@torch.no_grad()
def start_with_neighbour_heads(model: PreTrainedModel, family: Family, pad_id: int) -> None:
    """Rewrite position embeddings and the first layer's queries and keys, in place."""
    config = model.config
    head_width = config.hidden_size // config.num_attention_heads
    fast = math.pi * ((torch.arange(head_width // 2) + 0.5) / (head_width // 2)) ** 1.3
    body: Any = model.base_model  # whose attributes are in no type of transformers'
    table_PH: Tensor = body.embeddings.position_embeddings.weight
    first = family.first_position(pad_id)
    table_PH[:first] = 0.0
    waves = _sinusoids(len(table_PH) - first, config.hidden_size, fast)
    table_PH[first:] = config.initializer_range * math.sqrt(2) * waves
    first_layer: Any = encoder_layers(model, family)[0]
    attention = first_layer.attention.self
    for head in range(config.num_attention_heads):
        rows = slice(head * head_width, (head + 1) * head_width)
        rotation = _rotation(fast, OFFSETS[head % len(OFFSETS)])
        for weight, part in ((attention.query.weight, rotation), (attention.key.weight, None)):
            weight[rows] *= NOISE
            identity = torch.eye(len(rotation)) if part is None else part
            weight[rows, : len(rotation)] += SHARPNESS * identity


def _sinusoids(positions: int, width: int, fast: Tensor) -> Tensor:
    """[P, H]: (sin, cos) pairs; the first head's width at fast rates, the rest slower ones."""
    count = width // 2 - len(fast)
    slow = 0.5 * torch.exp(-math.log(100.0) * torch.arange(count) / max(1, count))
    angle = torch.arange(positions)[:, None] * torch.cat([fast, slow])
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def _rotation(rates: Tensor, offset: int) -> Tensor:
    """The matrix that turns the sinusoids of position p into those of p + offset."""
    matrix = torch.zeros(2 * len(rates), 2 * len(rates))
    for i, rate in enumerate(rates.tolist()):
        cos, sin = math.cos(rate * offset), math.sin(rate * offset)
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[cos, sin], [-sin, cos]])
    return matrix
