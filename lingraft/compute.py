"""FLOPs by formula, so that a plan can say what it will cost before anything is spent.

Symbols: H hidden, Q queries (H, or another width), K keys (H, or less where they have fewer
heads), I intermediate, E token embeddings (H, or another width), D embeddings of distances
(DeBERTa has some), S sequence length, V vocabulary; one multiply-add is two operations.
Element-wise work (norms, activations, rotations, softmax, optimizer) is left out, as is usual, and
so is what is done once a pass (DeBERTa's products of its distances). Attention to near tokens
alone, or to those before, counts as attention to all, for so it is computed: a mask spares no
product. A masked model has its head at the masked tokens, a causal one at all that have a
successor.

A matrix product costs once in the forward pass, once for the gradient of its input and once for
that of its weight; the last is never computed for a frozen weight. Held to
`torch.utils.flop_counter` in a test.
"""

from lingraft.architecture import Shape

CALIBRATION_TOKENS, CALIBRATION_ROUNDS = 8_192, 3
"""Tokens that are read to calibrate a start, and rounds: more tell the mean state no better."""


def layer_forward(shape: Shape, sequence_length: int) -> float:
    """FLOPs of one layer's forward pass for one token: 4HQ + 4HK + 4HI + 4SQ; gated, 6HI.

    With embeddings of distances also 4DQ: queries and keys are multiplied by them.
    """
    return _weights(shape) + 4 * (sequence_length + shape.distances) * _queries(shape)


def layer_backward(shape: Shape, sequence_length: int, *, frozen: bool) -> float:
    """FLOPs of one layer's backward pass for one token, with or without weight gradients."""
    # Both attention products have two inputs that need gradients, frozen or not.
    distances = 4 * shape.distances * _queries(shape)
    products = _weights(shape) + distances
    return products * (1 if frozen else 2) + 8 * sequence_length * _queries(shape)


def _weights(shape: Shape) -> float:
    hidden, matrices = shape.hidden, 3 if shape.family.layer.gated else 2
    attention = 4 * hidden * (_queries(shape) + _keys(shape))
    return attention + 2 * matrices * hidden * shape.intermediate


def _queries(shape: Shape) -> int:
    return shape.hidden if shape.queries is None else shape.queries


def _keys(shape: Shape) -> int:
    return shape.hidden if shape.keys is None else shape.keys


def _embedding(shape: Shape) -> int:
    return shape.hidden if shape.embedding is None else shape.embedding


def _projection(shape: Shape, *, passes: float) -> float:
    """FLOPs for one token from embeddings of another width to the layers': 2HE a pass."""
    return 0 if shape.embedding is None else passes * 2 * shape.hidden * shape.embedding


def head(shape: Shape, vocabulary: int, *, dense_passes: float, decoder_passes: float) -> float:
    """FLOPs of a head for one token that is told.

    Args:
        shape: The model.
        vocabulary: Rows of the decoder.
        dense_passes: 2 for a frozen dense layer (forward, input gradient), 3 for a trained one.
        decoder_passes: Likewise for the decoder.
    """
    width = _embedding(shape)
    dense = dense_passes * 2 * shape.hidden * width if shape.family.head.transform else 0
    return dense + decoder_passes * 2 * width * vocabulary


def embed_step(
    shape: Shape,
    *,
    layers: int,
    vocabulary: int,
    tokens: int,
    told: float,
    sequence_length: int,
    output_share: float = 0.0,
    bridge: bool = False,
) -> float:
    """Step 2: one update of the embeddings through `layers` frozen layers, and a bridge.

    Of a share of it the output side alone learns: no gradient goes back through the head and the
    layers.
    """
    back = 1 - output_share
    layer = layer_forward(shape, sequence_length) + back * layer_backward(
        shape, sequence_length, frozen=True
    )
    through = layers * layer + _projection(shape, passes=1 + back)
    through += (1 + back) * 2 * shape.hidden**2 if bridge else 0
    return tokens * through + told * head(
        shape, vocabulary, dense_passes=1 + back, decoder_passes=2 + back
    )


def calibration(shape: Shape, *, vocabulary: int, told: float, sequence_length: int) -> float:
    """A start fitted to the text's frequencies: one pass of the body, the decoder's for each try.

    Args:
        shape: The full model.
        vocabulary: Rows of the decoder.
        told: Share of the tokens that are told.
        sequence_length: Of a row.
    """
    tokens = CALIBRATION_TOKENS
    tries = head(shape, vocabulary, dense_passes=1, decoder_passes=1 + CALIBRATION_ROUNDS)
    body = forward_pass(shape, tokens=tokens, sequence_length=sequence_length)
    return body + told * tokens * tries


def pretrain_step(
    shape: Shape, *, heads: int, tokens: int, told: float, sequence_length: int
) -> float:
    """Step 1: one update of all parameters with `heads` masked-LM heads (2 for MiniJoint)."""
    layer = layer_forward(shape, sequence_length) + layer_backward(
        shape, sequence_length, frozen=False
    )
    through = shape.layers * layer + _projection(shape, passes=3)
    return tokens * through + heads * told * head(
        shape, shape.vocabulary, dense_passes=3, decoder_passes=3
    )


def mini_step(
    shape: Shape,
    *,
    layers: int,
    new_layers: int,
    tokens: int,
    told: float,
    sequence_length: int,
) -> float:
    """Step 1b of MiniPost: `layers` frozen below, which need no backward pass, `new` on top."""
    forward = layer_forward(shape, sequence_length)
    backward = layer_backward(shape, sequence_length, frozen=False)
    # What lies below the lowest trained part needs no gradient of its output; in a pre-LN model
    # a trained LayerNorm stands before it, whose own gradient does.
    norm_first, own_norm = shape.family.layer.norm_first, shape.family.final_norm is not None
    inputs = 2 * shape.hidden * (_queries(shape) + 2 * _keys(shape))
    spared = inputs if not norm_first and new_layers else 0
    dense = 2 if not own_norm and not new_layers else 3
    below = layers * forward + _projection(shape, passes=1)
    return tokens * (below + new_layers * (forward + backward) - spared) + told * head(
        shape, shape.vocabulary, dense_passes=dense, decoder_passes=2
    )


def finetune_step(shape: Shape, *, tokens: int, sequence_length: int, told: int = 0) -> float:
    """Step 3: one update of the full body; a task's head is too small to count.

    The base's own, which tells tokens where it is tuned to answer, is not: it is frozen.
    """
    layer = layer_forward(shape, sequence_length) + layer_backward(
        shape, sequence_length, frozen=False
    )
    through = shape.layers * layer + _projection(shape, passes=3)
    return tokens * through + told * head(shape, shape.vocabulary, dense_passes=2, decoder_passes=2)


def bridge_fit(shape: Shape, *, tokens: int, sequence_length: int) -> float:
    """A mini-model's bridge: a pass of the full body, and the products to solve the map from."""
    products = 4 * shape.hidden**2
    return forward_pass(shape, tokens=tokens, sequence_length=sequence_length) + tokens * products


def forward_pass(shape: Shape, *, tokens: int, sequence_length: int) -> float:
    """One pass of the full body without gradients."""
    layers = shape.layers * layer_forward(shape, sequence_length)
    return tokens * (layers + _projection(shape, passes=1))
