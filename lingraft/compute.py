"""FLOPs by formula, so that a plan can say what it will cost before anything is spent.

Symbols: H hidden, I intermediate, S sequence length, V vocabulary; one multiply-add is two
operations. Element-wise work (norms, activations, softmax, optimizer) is left out, as is
usual. A matrix product costs once in the forward pass, once for the gradient of its input
and once for that of its weight; the last is never computed for a frozen weight. Held to
`torch.utils.flop_counter` in a test.
"""

from lingraft.architecture import Shape


def layer_forward(shape: Shape, sequence_length: int) -> float:
    """FLOPs of one layer's forward pass for one token: 8H^2 + 4HI + 4SH."""
    return _weights(shape) + 4 * sequence_length * shape.hidden


def layer_backward(shape: Shape, sequence_length: int, *, frozen: bool) -> float:
    """FLOPs of one layer's backward pass for one token, with or without weight gradients."""
    # Both attention products have two inputs that need gradients, frozen or not.
    return _weights(shape) * (1 if frozen else 2) + 8 * sequence_length * shape.hidden


def _weights(shape: Shape) -> float:
    return 8 * shape.hidden**2 + 4 * shape.hidden * shape.intermediate


def head(shape: Shape, vocabulary: int, *, dense_passes: int, decoder_passes: int) -> float:
    """FLOPs of a masked-LM head for one masked token.

    Args:
        shape: The model.
        vocabulary: Rows of the tied decoder.
        dense_passes: 2 for a frozen dense layer (forward, input gradient), 3 for a trained one.
        decoder_passes: Likewise for the decoder.
    """
    return dense_passes * 2 * shape.hidden**2 + decoder_passes * 2 * shape.hidden * vocabulary


def embed_step(
    shape: Shape, *, layers: int, vocabulary: int, tokens: int, masked: float, sequence_length: int
) -> float:
    """Step 2: one update of the embeddings through `layers` frozen layers."""
    layer = layer_forward(shape, sequence_length) + layer_backward(
        shape, sequence_length, frozen=True
    )
    return tokens * layers * layer + masked * head(
        shape, vocabulary, dense_passes=2, decoder_passes=3
    )


def pretrain_step(
    shape: Shape, *, heads: int, tokens: int, masked: float, sequence_length: int
) -> float:
    """Step 1: one update of all parameters with `heads` masked-LM heads (2 for MiniJoint)."""
    layer = layer_forward(shape, sequence_length) + layer_backward(
        shape, sequence_length, frozen=False
    )
    return tokens * shape.layers * layer + heads * masked * head(
        shape, shape.vocabulary, dense_passes=3, decoder_passes=3
    )


def mini_step(
    shape: Shape,
    *,
    layers: int,
    new_layers: int,
    tokens: int,
    masked: float,
    sequence_length: int,
) -> float:
    """Step 1b of MiniPost: `layers` frozen below, which need no backward pass, `new` on top."""
    forward = layer_forward(shape, sequence_length)
    backward = layer_backward(shape, sequence_length, frozen=False)
    # What lies below the lowest trained part needs no gradient of its output; in a pre-LN model
    # a trained LayerNorm stands before it, whose own gradient does.
    post_norm = shape.model_type != "roberta-prelayernorm"
    spared = 6 * shape.hidden**2 if post_norm and new_layers else 0
    dense = 2 if post_norm and not new_layers else 3
    return tokens * (layers * forward + new_layers * (forward + backward) - spared) + masked * head(
        shape, shape.vocabulary, dense_passes=dense, decoder_passes=2
    )


def finetune_step(shape: Shape, *, tokens: int, sequence_length: int) -> float:
    """Step 3: one update of the full body; the task head is too small to count."""
    layer = layer_forward(shape, sequence_length) + layer_backward(
        shape, sequence_length, frozen=False
    )
    return tokens * shape.layers * layer


def forward_pass(shape: Shape, *, tokens: int, sequence_length: int) -> float:
    """One pass of the full body without gradients."""
    return tokens * shape.layers * layer_forward(shape, sequence_length)
