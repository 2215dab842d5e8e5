"""The `LanguageAdaptation` resource: what a user writes, with every field's meaning and default.

The same models check a file on one machine (`lingraft validate`) and generate the CRD.
A field without a default is one that only the user can know.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

API_VERSION = "lingraft.dev/v1alpha1"
KIND = "LanguageAdaptation"

Method = Literal["Standard", "MiniJoint", "MiniPost"]
ModelType = Literal["bert", "roberta", "xlm-roberta", "roberta-prelayernorm"]
"""The model families that can be adapted, by transformers' names."""
TaskFormat = Literal[
    "xnli", "paws-x", "mlqa", "squad", "classification", "pairs", "qa", "retrieval"
]
Uri = Annotated[str, Field(min_length=1, description="A `s3://bucket/key` or `file:///path` URI.")]


class Model(BaseModel):
    """Base of the spec's models: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Text(Model):
    """Text to train on: `.txt`, `.jsonl` or `.parquet`, each plain, `.gz` or `.zst`."""

    uri: Uri


class TrainTokenizer(Model):
    """A tokenizer to train on the text."""

    type: Literal["unigram", "bpe"] = Field(
        default="unigram", description="SentencePiece unigram, or byte-level BPE."
    )
    vocab_size: int = Field(default=50_000, ge=64, description="Pieces, special tokens included.")


class Tokenizer(Model):
    """A tokenizer: trained on the text, or loaded. One of the two."""

    train: TrainTokenizer | None = Field(default=None, description="Train one on the text.")
    uri: Uri | None = Field(default=None, description="Load this Hugging Face tokenizer.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.train is not None and self.uri is not None:
            raise ValueError("set either train or uri, not both")
        if self.train is None and self.uri is None:
            self.train = TrainTokenizer()
        return self


class MaskedLanguageModelling(Model):
    """How a masked-language-modelling run is done; the defaults are RoBERTa's."""

    batch_tokens: int = Field(
        default=1_048_576, ge=1, description="Tokens in one update, over all workers."
    )
    sequence_length: int | None = Field(
        default=None,
        ge=16,
        description="Tokens in one row; default: 512, or the base's positions if fewer.",
    )
    mask_probability: float = Field(
        default=0.15, gt=0, lt=1, description="Share of tokens to predict (80/10/10)."
    )
    learning_rate: float = Field(default=7e-4, gt=0, description="Peak, after warm-up.")
    warmup_steps: int | None = Field(
        default=None, ge=0, description="Updates of linear warm-up; default: 8 % of the steps."
    )
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's decoupled decay.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout in the layers.")


class Architecture(Model):
    """The shape of a base that is pretrained from text."""

    model_type: ModelType = Field(
        default="roberta", description="Model family, by transformers' name."
    )
    layers: int = Field(default=12, ge=2)
    hidden_size: int = Field(default=768, ge=8)
    attention_heads: int = Field(default=12, ge=1)
    intermediate_size: int = Field(default=3072, ge=8, description="Width of the feed-forward.")
    positions: int = Field(default=512, ge=16, description="Longest sequence, in tokens.")
    initializer_range: float = Field(
        default=0.02, gt=0, description="Standard deviation of the initial weights."
    )
    neighbour_heads: bool = Field(
        default=False,
        description="Start the first layer's heads at neighbouring tokens. Small models (hidden "
        "size up to 256) find them only after thousands of updates.",
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.attention_heads:
            raise ValueError("hiddenSize must be a multiple of attentionHeads")
        return self


class Pretrain(MaskedLanguageModelling):
    """A base to be pretrained from source-language text, for MiniJoint with a middle head."""

    text: Text
    architecture: Architecture = Field(default_factory=Architecture)
    tokenizer: Tokenizer = Field(default_factory=Tokenizer)
    joint_layers: int | None = Field(
        default=None,
        ge=1,
        description="Layers below the second masked-LM head. Default: for MiniJoint mini.layers, "
        "for the other methods no second head. Set it everywhere to share one base.",
    )
    steps: int = Field(default=125_000, ge=1, description="Updates.")


class Base(Model):
    """The pretrained model to adapt: an existing one, or one pretrained here."""

    uri: Uri | None = Field(
        default=None, description="A Hugging Face checkpoint directory (safetensors)."
    )
    pretrain: Pretrain | None = Field(default=None, description="Pretrain a base from text.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.uri is None) == (self.pretrain is None):
            raise ValueError("set exactly one of uri and pretrain")
        return self


class Mini(MaskedLanguageModelling):
    """The shallow mini-model; the training settings are MiniPost's step 1b."""

    layers: int | None = Field(
        default=None, ge=1, description="Bottom layers it takes from the base; default: depth/3."
    )
    new_layers: int | None = Field(
        default=None, ge=0, description="MiniPost: new layers on top; default: depth/6."
    )
    text: Text | None = Field(default=None, description="MiniPost: source-language text.")
    steps: int = Field(default=10_000, ge=1, description="MiniPost: updates.")


class Embeddings(MaskedLanguageModelling):
    """Step 2: learning the target language's token embeddings."""

    init: Literal["random", "normal", "overlap", "mean"] = Field(
        default="overlap",
        description="Start of the new rows. random: mean and deviation of the source rows; "
        "normal: N(0, 0.02); overlap: tokens of both vocabularies copied, the rest random; "
        "mean: mean of the source pieces of the same string.",
    )
    steps: int | None = Field(
        default=None, ge=1, description="Updates; default: 40 epochs, at most 125,000."
    )


def metrics_of(format: TaskFormat) -> tuple[str, ...]:
    """The metrics a gate can ask for."""
    if format == "retrieval":
        return ("accuracy",)
    return ("exactMatch", "f1") if format in ("squad", "mlqa", "qa") else ("accuracy", "macroF1")


class Gate(Model):
    """A quality bar: below it the adaptation is not Ready."""

    metric: Literal["accuracy", "macroF1", "exactMatch", "f1"]
    min: float = Field(ge=0, le=1)


class Task(Model):
    """A task: fine-tuned in the source language, evaluated zero-shot in the target language."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)
    format: TaskFormat = Field(description="File format; it decides the kind of task too.")
    train: Uri | None = Field(default=None, description="Source-language training data.")
    dev: Uri | None = Field(
        default=None,
        description="Source-language data that picks the best epoch; default: 10 % of train.",
    )
    test: Uri = Field(description="Target-language test data.")
    source_test: Uri | None = Field(
        default=None, description="Source-language test data, to show what transfer costs."
    )
    gate: Gate | None = None
    epochs: int = Field(default=3, ge=1)
    batch_size: int = Field(default=32, ge=1, description="Examples in one update.")
    learning_rate: float = Field(default=2e-5, gt=0, description="Peak, after 6 % warm-up.")
    max_length: int = Field(default=128, ge=16, description="Tokens of one example, at most.")
    dropout: float = Field(default=0.1, ge=0, lt=1)
    seeds: int = Field(default=1, ge=1, le=20, description="Fine-tuning runs, averaged.")

    @model_validator(mode="after")
    def _needs_train(self) -> Self:
        if self.gate is not None and self.gate.metric not in metrics_of(self.format):
            known = ", ".join(metrics_of(self.format))
            raise ValueError(f"gate.metric is {self.gate.metric}; a {self.format} task has {known}")
        if self.format == "retrieval":
            if self.train or self.dev or self.source_test:
                raise ValueError(
                    "retrieval needs no train, dev or sourceTest: nothing is fine-tuned"
                )
        elif self.train is None:
            raise ValueError(f"a {self.format} task needs train (source-language data)")
        return self


class Store(Model):
    """Where artifacts live."""

    uri: Uri
    credentials_secret: str | None = Field(
        default=None, description="Secret in the resource's namespace; unused on one machine."
    )


class LanguageAdaptationSpec(Model):
    """What to adapt, to which language, how, and where to keep it."""

    language: str = Field(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47 tag, such as sw."
    )
    base: Base
    method: Method
    mini: Mini = Field(default_factory=Mini)
    corpus: Text = Field(description="Target-language text.")
    tokenizer: Tokenizer = Field(
        default_factory=Tokenizer, description="Target-language tokenizer."
    )
    embeddings: Embeddings = Field(default_factory=Embeddings)
    tasks: list[Task] = Field(default_factory=list[Task], max_length=32)
    store: Store
    seed: int = Field(
        default=0, ge=0, lt=2**31, description="Of step 2; what languages share has its own."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method == "MiniPost" and self.mini.text is None:
            raise ValueError("method MiniPost needs mini.text: source-language text for step 1b")
        if self.method == "MiniJoint" and self.mini.new_layers:
            raise ValueError("mini.newLayers is MiniPost's: MiniJoint adds no layers")
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("tasks: names must differ")
        return self


class Metadata(BaseModel):
    """The part of ObjectMeta that is read here; the rest is Kubernetes'."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
    namespace: str = "default"


class LanguageAdaptation(Model):
    """Teach a pretrained language model a new language."""

    api_version: Literal["lingraft.dev/v1alpha1"]
    kind: Literal["LanguageAdaptation"]
    metadata: Metadata
    spec: LanguageAdaptationSpec
    status: dict[str, Any] | None = None
