"""What a family of language models is, as data alone.

Planning and FLOPs read it without torch; the trainer interprets it on transformers' modules
(`lingraft_trainer.models`). A name of a module or of a tensor is that in the model with the head of
its objective; `docs/families.md` says how to add a family.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Objective = Literal["masked", "causal"]
"""What a family was trained to tell: tokens that are hidden from it, or the one that comes next."""


@dataclass(frozen=True)
class Sizes:
    """Fields of `config.json` that hold a model's sizes; transformers' usual names by default."""

    hidden: str = "hidden_size"
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    key_heads: str | None = None
    """Heads of keys and values, where those are fewer; None: as many."""
    head: str | None = None
    """Width of one head, where that may be another than the layers' over the heads."""
    intermediate: str = "intermediate_size"
    embedding: str | None = None
    """Width of the token embeddings, where it may be another than the layers'."""
    distances: str | None = None
    """Distances to one side, of which each has an embedding that queries and keys are held to."""


@dataclass(frozen=True)
class Layer:
    """The anatomy of one layer; names of modules are relative to it.

    Attributes:
        qkv: One module that is query, key and value in this order, or three.
        out: Behind attention.
        up: Into the feed-forward; with `gated` either one module or two, of which the first half
            goes through the activation and is multiplied by the second.
        down: Out of the feed-forward.
        norms: Beside attention and beside the feed-forward; None: there are none there.
        pre_norm: Whether a norm stands before its sub-layer, not behind the sum.
        added_norms: Of what attention and the feed-forward each add to the sum; None: that is
            added as it is.
        query_key_norms: Of queries and of keys, before they are rotated: of each head, or of all
            heads at once.
        gated: Whether the feed-forward is a gated linear unit: three matrices, not two.
    """

    qkv: tuple[str, ...]
    out: str
    up: tuple[str, ...]
    down: str
    norms: tuple[str, str] | None
    pre_norm: bool = False
    gated: bool = False
    added_norms: tuple[str, str] | None = None
    query_key_norms: tuple[str, str] | None = None

    @property
    def norm_first(self) -> bool:
        """Whether a layer's input goes through a norm before anything else."""
        return self.pre_norm and self.norms is not None


@dataclass(frozen=True)
class Head:
    """The head that tells tokens.

    Attributes:
        prefixes: Of its tensors' names, the decoder's among them.
        transform: What stands before the decoder, in turn: modules, and activations written
            `gelu()`. The first is the dense layer. Empty: nothing.
        decoder: The module that is often tied to the token embeddings.
        bias: Another name of the decoder's bias, which a tied head shares with it.
        classes: Endings of the classes in `architectures` that bring this head.
    """

    prefixes: tuple[str, ...]
    transform: tuple[str, ...]
    decoder: str
    bias: str | None = None
    classes: tuple[str, ...] = ("ForMaskedLM", "ForPreTraining")


@dataclass(frozen=True)
class Family:
    """A family of language models.

    Attributes:
        model_type: transformers' name for the family (`config.model_type`).
        layers: Prefix of the layers' tensors, up to the layer's number.
        layer: Each layer's anatomy.
        head: The head that tells tokens.
        objective: What it was trained to tell; a causal one looks to the left alone.
        embeddings: The module from looked-up rows to the first layer's input; None: there is none.
        scaled: Whether looked-up rows are multiplied by the embeddings' own `embed_scale`.
        projection: A linear module behind it, which there is where the widths differ.
        final_norm: A norm behind the last layer. It belongs to a head: a mini-model needs its
            own, for the residual stream at its top has another scale.
        positions: `zero`: a table, from 0; `padding`: a table, from behind the padding id;
            `rotary`: no table, queries and keys are rotated.
        rotary: The module that gives the rotations.
        rotary_by_kind: Whether it has others for local layers.
        rotates: Where its config says of each layer whether it rotates, by 1 or 0; None: all do.
        local: Which layers look at near tokens alone: `no` layer; `some`, as `config.layer_types`
            says; or `all`, where `config.sliding_window` says how near.
        relative: The module whose `compute_position_bias` gives what every layer's scores are
            moved by.
        attention: What transformers' attention of this family takes: `any` implementation; or
            none but its own, and masks of packed rows as what is `added` to scores, or as they are
            but by its `encoder` alone.
        frozen: Whether the frozen path (`models/frozen.py`) serves it; if not, transformers' own
            forward pass does, at its speed.
        score_scale: Where its config has what scores are divided by the root of; None: the width
            of a head.
        score_cap: Where its config has what scores are bent to stay below: cap * tanh(score / cap).
        logit_cap: The same of what the decoder gives.
        sizes: Where its config has the sizes.
        activation: Where its config has the feed-forward's activation.
        dropouts: Where its config has shares that are dropped.
        only: Settings that one value is supported of, and what any other means.
        other_heads: Prefixes of other tasks' tensors beside it, which are left out.
        answers: Whether transformers has a class of it for question answering.
        chooses: Whether transformers has a class of it for multiple choice.
        pretrained: Whether `base.pretrain` offers it.
        tied: Whether the decoder is tied to the token embeddings where its config does not say.
    """

    model_type: str
    layers: str
    layer: Layer
    head: Head
    embeddings: str | None
    objective: Objective = "masked"
    scaled: bool = False
    projection: str | None = None
    final_norm: str | None = None
    positions: Literal["zero", "padding", "rotary"] = "zero"
    rotary: str | None = None
    rotary_by_kind: bool = False
    rotates: str | None = None
    local: Literal["no", "some", "all"] = "no"
    relative: str | None = None
    attention: Literal["any", "added", "encoder"] = "any"
    frozen: bool = True
    score_scale: str | None = None
    score_cap: str | None = None
    logit_cap: str | None = None
    sizes: Sizes = Sizes()
    activation: str = "hidden_act"
    dropouts: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    only: Mapping[str, tuple[Any, str]] = field(default_factory=dict[str, tuple[Any, str]])
    other_heads: tuple[str, ...] = ()
    answers: bool = True
    chooses: bool = True
    pretrained: bool = False
    tied: bool = True

    @property
    def body(self) -> str:
        """Prefix of the body's tensors, in a model with a head."""
        return self.layers.partition(".")[0] + "."

    @property
    def causal(self) -> bool:
        """Whether it tells the token that comes next."""
        return self.objective == "causal"

    @property
    def counts_from_padding(self) -> bool:
        """Whether the padding id decides which position is the first."""
        return self.positions == "padding"

    def first_position(self, pad_id: int) -> int:
        """Position id of a sequence's first token."""
        return pad_id + 1 if self.counts_from_padding else 0

    def layer_of(self, name: str) -> int:
        """Number from 0 of the layer that a tensor's name belongs to; -1 for other names.

        A checkpoint of a body alone leaves out the body's prefix.
        """
        inside = name.removeprefix(self.body)
        layers = self.layers.removeprefix(self.body)
        if not inside.startswith(layers):
            return -1
        return int(inside.removeprefix(layers).partition(".")[0])

    def renumbered(self, name: str, layer: int) -> str:
        """A tensor's name with another layer's number; as it is where it belongs to none."""
        number = self.layer_of(name)
        if number < 0:
            return name
        layers = self.layers.removeprefix(self.body)
        start = name.index(layers) + len(layers)
        return f"{name[:start]}{layer}{name[start:].removeprefix(str(number))}"

    def of_head(self, name: str) -> bool:
        """Whether a tensor belongs to the head alone.

        The decoder's matrix does not, which is the vocabulary's, nor a second name of its bias.
        """
        if self.final_norm is not None and name.startswith(f"{self.final_norm}."):
            return True
        decoder, second = self.head.decoder, self.head.bias is not None
        if name == f"{decoder}.weight" or (second and name == f"{decoder}.bias"):
            return False
        return name.startswith(self.head.prefixes)

    def config(self, *, hidden: int, layers: int, heads: int, intermediate: int) -> dict[str, int]:
        """Sizes by the names that the family's config has for them."""
        sizes = self.sizes
        return {
            sizes.hidden: hidden,
            sizes.layers: layers,
            sizes.heads: heads,
            sizes.intermediate: intermediate,
        }
