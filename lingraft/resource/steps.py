"""Steps 1 and 2 of the method: base, mini-model, tokenizer and embeddings."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lingraft.resource.fields import MOST_LAYERS, MOST_POSITIONS, MOST_STEPS, Model, ModelUri, Uri

Init = Literal["random", "normal", "overlap", "mean", "focus", "aligned"]
ModelType = Literal["bert", "roberta", "xlm-roberta", "roberta-prelayernorm"]
"""The model families that can be pretrained from text, by transformers' names."""


class Text(Model):
    """Text to train on: .txt, .jsonl, .parquet or .arrow, each plain, .gz, .zst, .xz or .bz2."""

    uri: Uri = Field(description="One file, or a folder of them.")
    text_field: str = Field(
        default="text",
        min_length=1,
        max_length=256,
        description="What .jsonl and .parquet call the field with the text.",
    )


class TrainTokenizer(Model):
    """A tokenizer to train on the text."""

    type: Literal["unigram", "bpe"] | None = Field(
        default=None,
        description="SentencePiece unigram, or byte-level BPE. Default: unigram; of a causal base "
        "always BPE, as its own tokenizer is.",
    )
    vocab_size: int | None = Field(
        default=None,
        ge=64,
        le=1_000_000,
        description="Pieces, special tokens included; of a causal base rounded up to a multiple of "
        "64. Default: grows with the root of the text's size, 50,000 from 1 GB on.",
    )


class Tokenizer(Model):
    """A tokenizer: trained on the text, or loaded. One of the two. Default: trained."""

    train: TrainTokenizer | None = Field(default=None, description="Train one on the text.")
    uri: ModelUri | None = Field(
        default=None,
        description="Load this one: a folder with tokenizer.json and tokenizer_config.json, or the "
        "name of a model on the Hugging Face Hub, as base.uri takes it.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.train is not None and self.uri is not None:
            raise ValueError("set either train or uri, not both")
        if self.train is None and self.uri is None:
            self.train = TrainTokenizer()
        return self


class LanguageModelling(Model):
    """How a language-modelling run is done: masked, or causal, as the base is.

    For much text the defaults are the reference recipe's; with less they are scaled down.
    """

    steps: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="Updates, of batchTokens each. Default: 40 epochs, at most 125,000.",
    )
    batch_tokens: int | None = Field(
        default=None,
        ge=1,
        le=2**27,
        description="Tokens in one update, over all workers. Default: by the text's size, from "
        "2,048 to 1,048,576, for at least 5,000 updates in 40 epochs where the text allows.",
    )
    sequence_length: int | None = Field(
        default=None,
        ge=16,
        le=MOST_POSITIONS,
        description="Tokens in one row. Default: 512, or the base's positions if fewer.",
    )
    mask_probability: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of the tokens to predict, 0 to 1: 80 % of them masked, 10 % replaced, "
        "10 % left. Not for a causal base, which predicts every next token. Default: 0.15.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="AdamW's peak learning rate, after the warm-up. Default: 7e-4 for a hidden "
        "size of 768 and 1,048,576 tokens in an update, times (768/hidden)^1.5, times the root of "
        "the batch's share of that; at most 1e-2.",
    )
    warmup_steps: int | None = Field(
        default=None,
        ge=0,
        le=MOST_STEPS,
        description="Updates of linear warm-up, fewer than steps. Default: 8 % of the steps.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="AdamW's decoupled weight decay."
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share dropped out in the layers, 0 to 1."
    )

    @model_validator(mode="after")
    def _warms_up_and_trains(self) -> Self:
        steps, warmup = self.steps, self.warmup_steps
        if steps is not None and warmup is not None and warmup >= steps:
            raise ValueError("warmupSteps must be fewer than steps")
        return self


class Architecture(Model):
    """The shape of a base that is pretrained from text."""

    model_type: ModelType = Field(
        default="roberta", description="Model family, by transformers' name."
    )
    layers: int = Field(default=12, ge=2, le=MOST_LAYERS, description="Transformer layers.")
    hidden_size: int = Field(
        default=768,
        ge=8,
        le=65_536,
        description="Width of the layers, a multiple of attentionHeads.",
    )
    attention_heads: int = Field(
        default=12, ge=1, le=1024, description="Attention heads of each layer."
    )
    intermediate_size: int = Field(
        default=3072, ge=8, le=262_144, description="Width of the feed-forward."
    )
    positions: int = Field(
        default=512, ge=16, le=MOST_POSITIONS, description="Longest sequence, in tokens."
    )
    initializer_range: float = Field(
        default=0.02, gt=0, le=1, description="Standard deviation of the initial weights."
    )
    neighbour_heads: bool = Field(
        default=False,
        description="Whether the first layer's heads start at neighbouring tokens. Small models "
        "(hiddenSize up to 256) find them only after thousands of updates.",
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.attention_heads:
            raise ValueError("hiddenSize must be a multiple of attentionHeads")
        return self


class Pretrain(LanguageModelling):
    """A base to be pretrained from source-language text, for MiniJoint with a middle head."""

    text: Text = Field(
        description="Source-language text: .txt, .jsonl, .parquet or .arrow, also compressed."
    )
    architecture: Architecture = Field(default_factory=Architecture)
    tokenizer: Tokenizer = Field(default_factory=Tokenizer)
    joint_layers: int | None = Field(
        default=None,
        ge=1,
        le=MOST_LAYERS,
        description="Layers below the second masked-LM head. Default: for MiniJoint mini.layers, "
        "for the other methods no second head. Set it everywhere to share one base.",
    )


class Base(Model):
    """The pretrained model to adapt: an existing one, or one pretrained here. One of the two."""

    uri: ModelUri | None = Field(
        default=None,
        description="A folder with a Hugging Face checkpoint (safetensors), or the name of one on "
        "the Hub: FacebookAI/roberta-base or hf://FacebookAI/roberta-base@revision. Such a one is "
        "read from the Hub's local cache or from a mirror, and never downloaded.",
    )
    pretrain: Pretrain | None = Field(
        default=None,
        description="Pretrain a base from source-language text; every language that says the same "
        "shares it.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.uri is None) == (self.pretrain is None):
            raise ValueError("set exactly one of uri and pretrain")
        return self


class Mini(LanguageModelling):
    """The shallow mini-model that the new embeddings are trained through.

    Standard has none. MiniJoint takes the base's bottom layers and middle head. MiniPost takes its
    bottom layers and puts new ones on top of them, which it trains: text, steps and the training
    settings here are for that. With `newLayersFrom: Top` and `steps: 0` nothing trains: the layers
    are the base's, and on `text` a linear bridge between them is fitted in seconds.
    """

    layers: int | None = Field(
        default=None,
        ge=1,
        le=MOST_LAYERS,
        description="Bottom layers that it takes from the base. Default: a third of the base's.",
    )
    new_layers: int | None = Field(
        default=None,
        ge=0,
        le=MOST_LAYERS,
        description="MiniPost: new layers on top of them. Default: a sixth of the base's.",
    )
    new_layers_from: Literal["Next", "Top"] = Field(
        default="Next",
        description="MiniPost: the base's layers that the new ones start as. Next: those above "
        "`layers`, as in the paper. Top: the topmost, on which the base's head was trained.",
    )
    text: Text | None = Field(
        default=None,
        description="MiniPost: source-language text to train the new layers on. With steps 0 and "
        "newLayersFrom Top: to fit a linear bridge on, which stands for the layers left out; "
        "without it there is none.",
    )
    steps: int | None = Field(
        default=None,
        ge=0,
        le=MOST_STEPS,
        description="MiniPost: updates of the new layers, of batchTokens each; 0: none, the layers "
        "and the head are the base's. Default: 40 epochs, at most 20 tokens for each parameter "
        "that trains.",
    )


class Embeddings(LanguageModelling):
    """How the target language's token embeddings are learned (step 2)."""

    init: Init = Field(
        default="overlap",
        description="Start of the new rows. random: mean and deviation of the source rows; "
        "normal: N(0, 0.02); overlap: tokens of both vocabularies copied, the rest random; "
        "mean: mean of the source pieces of the same string, else random; focus: the other "
        "tokens as mixtures of the copied ones that occur in the same contexts; aligned: every "
        "token as a mixture of the base's tokens that occur in like contexts of source text "
        "(mini.text, or base.pretrain.text), for texts about the same things.",
    )
    calibrate: bool | None = Field(
        default=None,
        description="Standard: fit the start to how often each token occurs in the text, by a few "
        "forward passes of the full model. AdamW's eps is then chosen so that training does not "
        "undo it. Default: true for a causal base, else false.",
    )
    output_steps: int = Field(
        default=0,
        ge=0,
        le=MOST_STEPS,
        description="The first so many of the updates, in which the rows learn from where their "
        "tokens are predicted alone: nothing goes back through the layers, which is about twice as "
        "cheap.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="AdamW's peak learning rate, after the warm-up. Default: 7e-4 for a hidden "
        "size of 768, times (768/hidden)^1.5, whatever the batch; at most 1e-2.",
    )
    snapshots: int | None = Field(
        default=None,
        ge=1,
        le=40,
        description="Also keep what was learned at the start and after this many numbers of "
        "updates up to `steps`, each 1.41 times the one before: `snapshots/` of the embed "
        "artifact, each as large as the embeddings, sent with every checkpoint too. "
        "Up to five between the ends are scored on held-out text, for the report's curve. A change "
        "trains the embeddings again. Default: none.",
    )
