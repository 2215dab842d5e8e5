"""Bytes by formula, so that a plan can say what a worker has to hold before it is started.

Symbols as in `compute`: H hidden, Q queries, K keys, I intermediate, E token embeddings, S sequence
length, V vocabulary. Frozen layers are held as the checkpoint has them, all else in fp32. AdamW
has two moments for each number that trains. What is saved for the backward pass is counted as
torch's autograd saves it of our frozen layers and of transformers' trained ones; what is small
beside a matrix (norms, biases, positions) is left out. Held to measured peaks in a test
(`tests/integration/trainer/test_memory.py`): what a process takes is 0.75 to 1.25 times of it.
"""

from typing import NamedTuple

from pydantic import Field, computed_field

from lingraft.architecture import Shape
from lingraft.stage import CPU_MICRO_BATCH_TOKENS, Contract

WIDE = 4
"""Bytes of a number in fp32."""
RUNTIME = 512 << 20
"""Of a process with torch and transformers, before it holds anything of ours."""
CHUNK = {"cpu": 1 << 25, "gpu": 1 << 27}
"""Logits that are held at once, as the trainer has it (`training/loss.py`)."""
READ_ROWS = 32
"""Rows of a pass without gradients on a GPU; a CPU takes its micro-batch."""
LEAST = 0.75
"""What is held is at least this share of the formula's: what does not fit then cannot be held."""


class Memory(Contract):
    """Bytes that one worker holds at the worst moment of a stage, by formula.

    What it only reads from end to end (a base that is copied, or scored) lies in mapped files, and
    is not among them.
    """

    weights: int
    gradients: int = 0
    optimizer: int = Field(default=0, description="AdamW's moments, and the best epoch's weights.")
    activations: int = Field(default=0, description="What is saved for the backward pass.")
    logits: int = Field(default=0, description="A chunk of them, and the decoder's copies.")
    start: int = Field(
        default=0, description="What making the start takes beside the weights, before training."
    )
    runtime: int = Field(default=RUNTIME, description="Python, torch and transformers themselves.")

    @computed_field
    @property
    def total(self) -> int:
        """Of the worse of the two moments."""
        training = self.gradients + self.optimizer + self.activations + self.logits
        return self.runtime + self.weights + max(self.start, training)


class Held(NamedTuple):
    """A model as a stage holds it."""

    shape: Shape
    layers: int
    width: int
    """Bytes of a frozen weight."""
    device: str = "cpu"


def layer_weights(shape: Shape) -> int:
    """Numbers in the matrices of one layer: 2HQ + 2HK + 2HI; gated, 3HI."""
    queries, keys = _queries(shape), _keys(shape)
    matrices = 3 if shape.family.layer.gated else 2
    return shape.hidden * (2 * queries + 2 * keys + matrices * shape.intermediate)


def token_weights(shape: Shape, vocabulary: int) -> int:
    """Numbers in the matrices by which tokens are read and told."""
    return vocabulary * _embedding(shape) * (1 if shape.tied else 2)


def parameters(shape: Shape) -> int:
    """Numbers in a whole model's matrices."""
    return shape.layers * layer_weights(shape) + token_weights(shape, shape.vocabulary)


def embed(held: Held, *, vocabulary: int, tokens: int, told: float, sequence_length: int) -> Memory:
    """Step 2 through frozen layers.

    Args:
        held: The model that it goes through.
        vocabulary: Rows of the new embeddings.
        tokens: Of one micro-batch.
        told: Share of them that is told.
        sequence_length: S.
    """
    shape = held.shape
    rows = WIDE * token_weights(shape, vocabulary)
    old = WIDE * token_weights(shape, shape.vocabulary)
    layers = held.layers * layer_weights(shape) * held.width
    saved = held.layers * _saved_frozen(shape)
    # Rows of both matrices side by side, and what is drawn from their mean and deviation.
    start = old + (0 if shape.tied else old) + 2 * rows
    return Memory(
        weights=layers + rows,
        gradients=rows,
        optimizer=2 * rows,
        activations=int(WIDE * tokens * saved) + _at_work(held, tokens),
        logits=_logits(held, vocabulary, tokens * told),
        start=start - rows + _reading(held, sequence_length),
    )


def train(
    held: Held,
    *,
    trained: int,
    heads: int,
    tokens: int,
    told: float,
    kept: int = 0,
) -> Memory:
    """Training the topmost layers with the base's own tokens.

    Args:
        held: The whole model.
        trained: How many of its layers train.
        heads: Over the vocabulary; without one, a task's small head.
        tokens: Of one micro-batch.
        told: Share of them that is told.
        kept: Copies of what trains beside it: the best epoch's.
    """
    shape = held.shape
    rows = WIDE * shape.vocabulary * _embedding(shape)
    rows *= 1 if shape.tied or not heads else 2
    layers = trained * layer_weights(shape) * WIDE
    frozen = (held.layers - trained) * layer_weights(shape) * held.width
    learns = layers + (rows if trained == shape.layers and heads else 0)
    saved = trained * _saved_trained(shape)
    return Memory(
        weights=layers + frozen + rows,
        gradients=learns,
        optimizer=(2 + kept) * learns,
        activations=int(WIDE * tokens * saved) + _at_work(held, tokens),
        logits=heads * _logits(held, shape.vocabulary, tokens * told) if heads else 0,
    )


def read(held: Held, *, vocabulary: int, sequence_length: int, beside: int = 0) -> Memory:
    """Reading text through a model that lies in mapped files, layer by layer.

    Args:
        held: The model.
        vocabulary: The larger of those that are told.
        sequence_length: S.
        beside: Bytes that are held meanwhile.
    """
    shape = held.shape
    rows = WIDE * token_weights(shape, max(vocabulary, shape.vocabulary))
    chunk = min(_read_at_once(held, sequence_length) * vocabulary, CHUNK[held.device])
    return Memory(
        weights=rows + beside,
        activations=_reading(held, sequence_length),
        logits=WIDE * chunk,
    )


def sharded(whole: Memory, shape: Shape, workers: int) -> Memory:
    """The same training when the numbers of its layers are shared out among workers (FSDP).

    Two layers at a time are whole, the one at work and the next one, and the gradient of one; the
    token embeddings are always.
    """
    rows = WIDE * shape.vocabulary * _embedding(shape)
    beside = rows + 3 * layer_weights(shape) * WIDE

    def share(part: int) -> int:
        return -(-part // workers)

    return whole.model_copy(
        update={
            "weights": share(whole.weights - rows) + beside,
            "gradients": share(whole.gradients),
            "optimizer": share(whole.optimizer),
        }
    )


def at_once(micro_batch_tokens: int, sequence_length: int, batch_tokens: int, device: str) -> int:
    """Tokens of one micro-batch, as the trainer cuts them."""
    most = (
        min(micro_batch_tokens, CPU_MICRO_BATCH_TOKENS) if device == "cpu" else micro_batch_tokens
    )
    return min(
        max(1, most // sequence_length) * sequence_length, max(batch_tokens, sequence_length)
    )


def _saved_frozen(shape: Shape) -> int:
    """Numbers in fp32 that one frozen layer saves of one token.

    Two inputs of norms, four operands of attention, and of the feed-forward its product, which of
    a gated one is twice as wide, and what is multiplied. A frozen product saves nothing.
    """
    inner = 3 if shape.family.layer.gated else 1
    return 2 * shape.hidden + 4 * _queries(shape) + inner * shape.intermediate


def _saved_trained(shape: Shape) -> int:
    """The same of a layer that trains: each product saves its input, each norm its result."""
    gated = shape.family.layer.gated
    inner = 4 if gated else 2
    attention = 5 * _queries(shape) + 2 * _keys(shape)
    return 6 * shape.hidden + attention + inner * shape.intermediate


def _at_work(held: Held, tokens: int) -> int:
    """What the layer at work needs for a moment: its gradients, and a product widened."""
    shape = held.shape
    inner = 3 if shape.family.layer.gated else 2
    widest = shape.hidden * shape.intermediate * (2 if shape.family.layer.gated else 1)
    moment = tokens * (inner * shape.intermediate + 4 * _queries(shape) + 2 * shape.hidden)
    return WIDE * (moment + (widest if held.width < WIDE else 0))


def _reading(held: Held, sequence_length: int) -> int:
    return _at_work(held, _read_at_once(held, sequence_length))


def _read_at_once(held: Held, sequence_length: int) -> int:
    rows = READ_ROWS if held.device == "gpu" else 1
    return max(CPU_MICRO_BATCH_TOKENS, rows * sequence_length)


def _logits(held: Held, vocabulary: int, told: float) -> int:
    """A chunk in fp32 and in the type of the products, the decoder's copy and gradient."""
    rows = max(1, CHUNK[held.device] // vocabulary)
    chunk = int(min(told, rows)) * vocabulary
    several = told > rows
    matrix = vocabulary * _embedding(held.shape)
    return 6 * chunk + 2 * matrix + (WIDE * matrix if several else 0)


def _queries(shape: Shape) -> int:
    return shape.hidden if shape.queries is None else shape.queries


def _keys(shape: Shape) -> int:
    return shape.hidden if shape.keys is None else shape.keys


def _embedding(shape: Shape) -> int:
    return shape.hidden if shape.embedding is None else shape.embedding
