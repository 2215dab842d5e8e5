"""The `LanguageAdaptation` resource: what a user writes, with every field's meaning and default.

The same models check a file on one machine (`lingraft validate`) and generate the CRD: docstrings
and descriptions here are what `kubectl explain` says. It adds the default where it is a constant.
A field without a default is one that only the user can know.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from lingraft.pools import Pools

API_VERSION = "lingraft.dev/v1alpha1"
KIND = "LanguageAdaptation"

Method = Literal["Standard", "MiniJoint", "MiniPost"]
ModelType = Literal["bert", "roberta", "xlm-roberta", "roberta-prelayernorm"]
"""The model families that can be adapted, by transformers' names."""
TaskFormat = Literal[
    "xnli", "paws-x", "mlqa", "squad", "classification", "pairs", "qa", "retrieval"
]
Uri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="s3://bucket/key; on one machine also a path.",
        json_schema_extra={"format": "uri"},
    ),
]


MOST_STEPS = 10_000_000
MOST_POSITIONS = 131_072
MOST_LAYERS = 1000


class Model(BaseModel):
    """Base of the spec's models: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Text(Model):
    """Text to train on: .txt, .jsonl or .parquet files, each plain, .gz or .zst."""

    uri: Uri = Field(description="One file, or a folder of them.")


class TrainTokenizer(Model):
    """A tokenizer to train on the text."""

    type: Literal["unigram", "bpe"] = Field(
        default="unigram", description="SentencePiece unigram, or byte-level BPE."
    )
    vocab_size: int = Field(
        default=50_000, ge=64, le=1_000_000, description="Pieces, special tokens included."
    )


class Tokenizer(Model):
    """A tokenizer: trained on the text, or loaded. One of the two. Default: trained."""

    train: TrainTokenizer | None = Field(default=None, description="Train one on the text.")
    uri: Uri | None = Field(
        default=None,
        description="Load this one: a folder with tokenizer.json and tokenizer_config.json.",
    )

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
        default=1_048_576, ge=1, le=2**27, description="Tokens in one update, over all workers."
    )
    sequence_length: int | None = Field(
        default=None,
        ge=16,
        le=MOST_POSITIONS,
        description="Tokens in one row. Default: 512, or the base's positions if fewer.",
    )
    mask_probability: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Share of the tokens to predict, 0 to 1: 80 % of them masked, 10 % replaced, "
        "10 % left.",
    )
    learning_rate: float = Field(
        default=7e-4, gt=0, le=1, description="AdamW's peak learning rate, after the warm-up."
    )
    warmup_steps: int | None = Field(
        default=None,
        ge=0,
        le=MOST_STEPS,
        description="Updates of linear warm-up. Default: 8 % of the steps.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="AdamW's decoupled weight decay."
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share dropped out in the layers, 0 to 1."
    )


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


class Pretrain(MaskedLanguageModelling):
    """A base to be pretrained from source-language text, for MiniJoint with a middle head."""

    text: Text = Field(
        description="Source-language text: .txt, .jsonl or .parquet, each plain, .gz or .zst."
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
    steps: int = Field(
        default=125_000, ge=1, le=MOST_STEPS, description="Updates, of batchTokens each."
    )


class Base(Model):
    """The pretrained model to adapt: an existing one, or one pretrained here. One of the two."""

    uri: Uri | None = Field(
        default=None, description="A folder with a Hugging Face checkpoint (safetensors)."
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


class Mini(MaskedLanguageModelling):
    """The shallow mini-model that the new embeddings are trained through.

    Standard has none. MiniJoint takes the base's bottom layers and middle head. MiniPost takes its
    bottom layers and trains new ones on top of them: text, steps and the training settings here
    are for that.
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
    text: Text | None = Field(
        default=None,
        description="MiniPost: source-language text to train the new layers on.",
    )
    steps: int = Field(
        default=10_000,
        ge=1,
        le=MOST_STEPS,
        description="MiniPost: updates of the new layers, of batchTokens each.",
    )


class Embeddings(MaskedLanguageModelling):
    """How the target language's token embeddings are learned (step 2)."""

    init: Literal["random", "normal", "overlap", "mean"] = Field(
        default="overlap",
        description="Start of the new rows. random: mean and deviation of the source rows; "
        "normal: N(0, 0.02); overlap: tokens of both vocabularies copied, the rest random; "
        "mean: mean of the source pieces of the same string.",
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="Updates, of batchTokens each. Default: 40 epochs, at most 125,000.",
    )


def metrics_of(format: TaskFormat) -> tuple[str, ...]:
    """The metrics a gate can ask for."""
    if format == "retrieval":
        return ("accuracy",)
    return ("exactMatch", "f1") if format in ("squad", "mlqa", "qa") else ("accuracy", "macroF1")


class Gate(Model):
    """A quality bar: below it the adaptation is not Ready."""

    metric: Literal["accuracy", "macroF1", "exactMatch", "f1"] = Field(
        description="What is measured. mlqa, squad and qa have exactMatch and f1; retrieval has "
        "accuracy; the others have accuracy and macroF1."
    )
    min: float = Field(ge=0, le=1, description="Least value that passes, 0 to 1.")


class Task(Model):
    """A task: fine-tuned in the source language, evaluated zero-shot in the target language."""

    name: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=40,
        description="A name of its own among the tasks.",
    )
    format: TaskFormat = Field(
        description="Format of its files, which also decides the kind of task. classification, "
        "pairs and qa are for files of your own."
    )
    train: Uri | None = Field(
        default=None, description="Source-language training data; all formats but retrieval."
    )
    dev: Uri | None = Field(
        default=None,
        description="Source-language data that picks the best epoch. Default: 10 % of train.",
    )
    test: Uri = Field(description="Target-language test data.")
    source_test: Uri | None = Field(
        default=None, description="Source-language test data, to show what transfer costs."
    )
    gate: Gate | None = Field(
        default=None, description="A quality bar: below it the adaptation is not Ready."
    )
    epochs: int = Field(default=3, ge=1, le=1000, description="Passes over the training data.")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Examples in one update.")
    learning_rate: float = Field(
        default=2e-5, gt=0, le=1, description="AdamW's peak learning rate, after 6 % warm-up."
    )
    max_length: int = Field(
        default=128, ge=16, le=MOST_POSITIONS, description="Tokens of one example, at most."
    )
    dropout: float = Field(
        default=0.1, ge=0, lt=1, description="Share dropped out in the layers, 0 to 1."
    )
    seeds: int = Field(
        default=1, ge=1, le=20, description="Fine-tuning runs; their scores are averaged."
    )

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

    uri: Uri = Field(description="A bucket, or a folder in one.")
    credentials_secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Secret of the same namespace whose keys become environment variables of the "
        "Ray pods: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Unused on one machine.",
    )


class Retry(Model):
    """How often a stage is tried when the infrastructure, not the input, was at fault."""

    max_attempts: int = Field(
        default=3, ge=1, le=20, description="Attempts at one stage; preemptions are not counted."
    )
    backoff_seconds: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds before the second attempt; doubled for each further one, up to 600.",
    )


class LanguageAdaptationSpec(Model):
    """What to adapt, to which language, how, and where to keep it."""

    language: str = Field(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="The new language, a BCP 47 tag such as sw. Immutable.",
    )
    base: Base = Field(
        description="The pretrained model to adapt: an existing one (uri), or one pretrained here "
        "(pretrain)."
    )
    method: Method = Field(
        description="Standard trains the embeddings through the full model; MiniJoint through the "
        "bottom of a base that was pretrained with a middle head; MiniPost through the bottom of "
        "any base, and new layers on top of it."
    )
    mini: Mini = Field(default_factory=Mini)
    corpus: Text = Field(
        description="Target-language text: .txt, .jsonl or .parquet, each plain, .gz or .zst."
    )
    tokenizer: Tokenizer = Field(
        default_factory=Tokenizer,
        description="The target language's tokenizer: trained on the corpus, or loaded. Default: "
        "trained.",
    )
    embeddings: Embeddings = Field(default_factory=Embeddings)
    tasks: list[Task] = Field(
        default_factory=list[Task],
        max_length=32,
        description="Tasks to fine-tune in the source language and to evaluate in the new one. "
        "Default: none; the masked-LM loss on held-out text is always measured.",
    )
    store: Store | None = Field(
        default=None, description="Where artifacts go. Default: the operator's store."
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="Random seed of the embeddings' training; what languages share has its own.",
    )
    suspend: bool = Field(
        default=False,
        description="While true nothing is started, and what runs is stopped; it resumes from its "
        "last checkpoint.",
    )
    queue: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        max_length=63,
        description="Kueue LocalQueue of the RayJobs. Default: none, no Kueue.",
    )
    retry: Retry = Field(
        default_factory=Retry,
        description="How often a stage is tried when the infrastructure was at fault.",
    )
    pools: Pools = Field(
        default_factory=Pools,
        description="The nodes that stages run on: overrides, field by field, of the operator's "
        "pools.",
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
