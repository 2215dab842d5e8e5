"""The seam where a model family says where it keeps things.

Almost everything is read through transformers' own common names (`base_model`,
`get_input_embeddings`, `num_hidden_layers`). A family adds the few facts that differ:
where the layers and the masked-LM head are. To add one, write a file like `bert.py` and
name it in `registry.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Family:
    """Where a family of masked language models keeps its parts.

    Attributes:
        model_type: transformers' name for the family (`config.model_type`).
        layers: State-dict prefix of the encoder layers, up to the layer's number.
        head: State-dict prefixes of what stands between the last layer and the tied decoder
            and belongs to the masked-LM head: of a pre-LN model also the final LayerNorm.
        transform: `(model, hidden [M, H]) -> features [M, H]`, the head up to the decoder.
        predictions: The module that holds the tied `decoder` and the output `bias` [V].
        final_norm: `(model, hidden) -> hidden`, what the body does after its last layer.
        first_position: Position id of a sequence's first token, given the padding id.
        pre_norm: Whether LayerNorm stands before each sub-layer, not after it.
    """

    model_type: str
    layers: str
    head: tuple[str, ...]
    # The model is Any: a family's own attributes are in no type of transformers'.
    transform: Callable[[Any, Tensor], Tensor]
    predictions: Callable[[Any], Any]
    final_norm: Callable[[Any, Tensor], Tensor]
    first_position: Callable[[int], int]
    pre_norm: bool = False

    @property
    def body(self) -> str:
        """State-dict prefix of the body, in a model with a head."""
        return self.layers.partition(".")[0] + "."

    def layer_of(self, name: str) -> int:
        """Number from 0 of the layer that a tensor's name belongs to; -1 for other names.

        A checkpoint of a body alone leaves out the body's prefix.
        """
        inside = name.removeprefix(self.body)
        layers = self.layers.removeprefix(self.body)
        if not inside.startswith(layers):
            return -1
        return int(inside.removeprefix(layers).partition(".")[0])


def embeddings(model: PreTrainedModel) -> nn.Embedding:
    """The token embeddings, [V, H]."""
    found: Any = model.get_input_embeddings()
    return found


def output(model: PreTrainedModel) -> nn.Linear:
    """The decoder of a masked LM: weight [V, H], tied to the embeddings or not, and bias [V]."""
    found: Any = model.get_output_embeddings()
    return found


def is_tied(model: PreTrainedModel) -> bool:
    """Whether a masked LM reads and writes tokens by one matrix."""
    return output(model).weight is embeddings(model).weight


def encoder_layers(model: PreTrainedModel, family: Family) -> nn.ModuleList:
    """The encoder layers, bottom first."""
    found: Any = model.get_submodule(family.layers.rstrip("."))
    return found


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
        model: Any model of the family: masked LM, task model or body. Changed in place.
        family: The model's.
        matrix: New embeddings, [V', H]. Copied.
        pad_id: Padding id of the new vocabulary.
        bias: New output bias, [V']; zeros by default, for a bias belongs to the ids of its
            vocabulary and the old one must never be carried over. Copied.
        output_matrix: New decoder matrix of an untied model, [V', H]. Copied. By default the
            decoder is tied to the embeddings.
    """
    old = embeddings(model)
    rows, width = matrix.shape
    new = nn.Embedding(
        rows,
        width,
        padding_idx=None if old.padding_idx is None else pad_id,
        _weight=matrix.detach().clone(),
    )
    model.set_input_embeddings(new)
    model.config.vocab_size = rows
    if model.get_output_embeddings() is None:
        return
    decoder, predictions = output(model), family.predictions(model)
    decoder.out_features = rows
    decoder.weight = new.weight
    decoder.bias = nn.Parameter(matrix.new_zeros(rows) if bias is None else bias.clone())
    predictions.bias = decoder.bias
    if output_matrix is not None:  # an untied model has two of them, and reads the decoder's
        decoder.weight = nn.Parameter(output_matrix.detach().clone())
        predictions.bias = nn.Parameter(decoder.bias.detach().clone())
