"""A family's data (`lingraft.families`) on transformers' modules: where a model keeps its parts.

Almost everything is read through transformers' own common names (`base_model`,
`get_input_embeddings`, `num_hidden_layers`); the few facts that differ are the family's.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel
from transformers.activations import ACT2FN

from lingraft.families import Family, Objective

AUTO: dict[Objective, Any] = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}
"""transformers' auto class of a language model, by its objective."""


def embeddings(model: PreTrainedModel) -> nn.Embedding:
    """The token embeddings, [V, E]."""
    found: Any = model.get_input_embeddings()
    return found


def output(model: PreTrainedModel) -> nn.Linear:
    """The decoder of a language model: weight [V, E], tied to the embeddings or not, and bias [V].

    The bias is None where the family has none.
    """
    found: Any = model.get_output_embeddings()
    return found


def is_tied(model: PreTrainedModel) -> bool:
    """Whether a language model reads and writes tokens by one matrix."""
    return output(model).weight is embeddings(model).weight


def encoder_layers(model: PreTrainedModel, family: Family) -> nn.ModuleList:
    """The layers, bottom first."""
    found: Any = model.get_submodule(family.layers.rstrip("."))
    return found


def embedded(
    model: PreTrainedModel, family: Family, rows_BSE: Tensor, position_ids: Tensor
) -> Tensor:
    """What a model makes of looked-up rows before its first layer: [B, S, E] -> [B, S, H]."""
    x = rows_BSE
    if family.scaled:
        words: Any = embeddings(model)
        x = x * words.embed_scale
    if family.embeddings is not None:
        table = {} if family.positions == "rotary" else {"position_ids": position_ids}
        x = model.get_submodule(family.embeddings)(input_ids=None, inputs_embeds=x, **table)
    if family.projection is not None and x.shape[-1] != model.config.hidden_size:
        x = model.get_submodule(family.projection)(x)
    return x


def scale_as_stored(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Have looked-up rows multiplied by what they are in a checkpoint's own type; in place.

    The root of the hidden width is rounded to the type of the weights, in which the base was
    trained and will be used: 33.94 is 34 in bf16, also where it is trained in fp32.
    """
    words: Any = embeddings(model)
    rounded = torch.tensor(words.scalar_embed_scale, dtype=dtype)
    words.embed_scale = rounded.to(torch.float32)


def final_norm(model: PreTrainedModel, family: Family, hidden: Tensor) -> Tensor:
    """What a language model's body does behind its last layer: [..., H] -> [..., H]."""
    return hidden if family.final_norm is None else model.get_submodule(family.final_norm)(hidden)


def transform(model: PreTrainedModel, family: Family, hidden: Tensor) -> Tensor:
    """The head up to the decoder: [M, H] -> [M, E]."""
    for step in family.head.transform:
        activation = step.endswith("()")
        layer: Any = ACT2FN[step[:-2]] if activation else model.get_submodule(step)
        hidden = layer(hidden)
    return hidden


def second_bias(model: PreTrainedModel, family: Family) -> nn.Parameter | None:
    """The output bias under its other name; an untied model reads the decoder's, not this."""
    return None if family.head.bias is None else model.get_parameter(family.head.bias)


def dropped(config: Any, family: Family) -> bool:
    """Whether a config asks for dropout anywhere."""
    return any(getattr(config, name) for name in family.dropouts)


def set_dropout(config: Any, family: Family, share: float) -> None:
    """Have a share dropped wherever the family drops any."""
    for name in family.dropouts:
        setattr(config, name, share)


def freeze_vocabulary(model: PreTrainedModel) -> None:
    """Have a model train without what belongs to the tokens of its vocabulary."""
    embeddings(model).weight.requires_grad_(False)
    decoder = model.get_output_embeddings()
    if isinstance(decoder, nn.Linear):
        decoder.requires_grad_(False)


def replace_vocabulary(
    model: PreTrainedModel,
    family: Family,
    matrix: Tensor,
    pad_id: int,
    bias: Tensor | None = None,
    output_matrix: Tensor | None = None,
) -> None:
    """Put a new token embedding matrix into a model, and into its decoder where it has one.

    Args:
        model: Any model of the family: language model, task model or body. Changed in place.
        family: The model's.
        matrix: New embeddings, [V', E]. Copied.
        pad_id: Padding id of the new vocabulary.
        bias: New output bias, [V'], where the decoder has one; zeros by default, for a bias
            belongs to the ids of its vocabulary and the old one must never be carried over.
            Copied.
        output_matrix: New decoder matrix of an untied model, [V', E]. Copied. By default the
            decoder is tied to the embeddings.
    """
    set_vocabulary(
        model,
        family,
        nn.Parameter(matrix.detach().clone()),
        pad_id,
        None if bias is None else nn.Parameter(bias.detach().clone()),
        None if output_matrix is None else nn.Parameter(output_matrix.detach().clone()),
    )


def set_vocabulary(
    model: PreTrainedModel,
    family: Family,
    matrix: nn.Parameter,
    pad_id: int,
    bias: nn.Parameter | None = None,
    output_matrix: nn.Parameter | None = None,
) -> None:
    """As `replace_vocabulary`, but the parameters themselves become the model's: none is copied."""
    rows = len(matrix)
    table = embeddings(model)  # the same module: some do more than to look up
    table.weight = matrix
    table.num_embeddings = rows
    table.padding_idx = None if table.padding_idx is None else pad_id
    model.config.vocab_size = rows
    for module in {model, model.base_model}:
        if hasattr(module, "vocab_size"):
            module.vocab_size = rows  # some have it
    if model.get_output_embeddings() is None:
        return
    decoder = output(model)
    decoder.out_features = rows
    decoder.weight = table.weight if output_matrix is None else output_matrix
    if decoder.bias is None:
        return
    trained = matrix.requires_grad
    decoder.bias = nn.Parameter(matrix.new_zeros(rows), trained) if bias is None else bias
    if family.head.bias is not None:
        holder, _, name = family.head.bias.rpartition(".")
        tied = output_matrix is None  # an untied model has two of them, and reads the decoder's
        second = decoder.bias if tied else nn.Parameter(decoder.bias.detach().clone(), trained)
        setattr(model.get_submodule(holder), name, second)
