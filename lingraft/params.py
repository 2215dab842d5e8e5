"""Parameters of each stage: what defines its result, with every default resolved.

These are digested. Anything about *how* a stage is executed belongs in
`lingraft.stage.Execution`, never here.
"""

from typing import Literal

from pydantic import Field

from lingraft.resource import Method
from lingraft.resource.formats import TaskFormat
from lingraft.resource.steps import Init
from lingraft.stage import Contract


class LmTraining(Contract):
    """One language-modelling run (see `resource.LanguageModelling`)."""

    steps: int
    batch_tokens: int
    sequence_length: int
    mask_probability: float | None = Field(
        default=None,
        exclude_if=lambda share: share is None,
        description="None for a causal base, which tells every token; then it is not digested.",
    )
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    dropout: float
    seed: int

    @property
    def told(self) -> float:
        """Share of the tokens that are told."""
        return 1.0 if self.mask_probability is None else self.mask_probability

    @property
    def batch_rows(self) -> int:
        """Rows of `sequence_length` tokens in one update, over all workers."""
        return max(1, self.batch_tokens // self.sequence_length)


class TokenizerChoice(Contract):
    """Where a corpus gets its tokenizer: trained, loaded, or the base's own."""

    train: Literal["unigram", "bpe"] | None = None
    vocab_size: int | None = None
    source: Literal["uri", "base"] | None = None


class CorpusParams(Contract):
    """Inputs: `text`, `base` (special tokens) unless it is the base's own text, `tokenizer`."""

    language: str | None = Field(description="BCP 47, for script checks; None: do not check.")
    text_field: str = Field(
        default="text",
        exclude_if=lambda name: name == "text",
        description="Of .jsonl and .parquet. As it is it is not digested.",
    )
    tokenizer: TokenizerChoice
    sequence_length: int
    heldout_share: float
    whole_documents: bool = Field(
        default=False,
        exclude_if=lambda whole: not whole,
        description="Whether documents are read as they are written, which a causal base learns to "
        "do. Else each paragraph stands once in all the text, and this is not digested.",
    )
    held_out: Literal["Paragraphs", "Documents"] = Field(
        default="Paragraphs",
        exclude_if=lambda unit: unit == "Paragraphs",
        description="Documents for a causal base, which has read the rest of one. As it is it is "
        "not digested.",
    )
    seed: int


class PretrainParams(Contract):
    """Inputs: `corpus`, tokenised source-language text."""

    model_type: str
    layers: int
    hidden_size: int
    attention_heads: int
    intermediate_size: int
    positions: int
    initializer_range: float
    neighbour_heads: bool
    joint_layers: int | None
    training: LmTraining


class Bridge(Contract):
    """A linear map in place of the layers that a mini-model leaves out, fitted in closed form."""

    tokens: int = Field(description="Of source text that it is fitted on.")
    mask_probability: float | None = Field(
        default=None, exclude_if=lambda share: share is None, description="None for a causal base."
    )


class MiniParams(Contract):
    """Inputs: `base`; with `training` or a `bridge` also `corpus`, source text in its tokens."""

    method: Literal["MiniJoint", "MiniPost"]
    layers: int
    new_layers: int
    new_layers_from: Literal["Next", "Top"] = Field(
        default="Next",
        exclude_if=lambda place: place == "Next",
        description="Of the base. As it is it is not digested.",
    )
    training: LmTraining | None
    bridge: Bridge | None = Field(
        default=None,
        exclude_if=lambda bridge: bridge is None,
        description="Below the new layers. Without one it is not digested.",
    )

    @property
    def called(self) -> str:
        """What people call it: the paper's name only where the paper's method is what it does."""
        if self.method == "MiniJoint" or self.new_layers_from == "Next" or self.training:
            return self.method
        return "own layers with a bridge" if self.bridge else "own layers"

    def kept(self, depth: int) -> tuple[int, ...]:
        """Numbers from 0 of the base's layers that the mini-model starts as, in order.

        Args:
            depth: The base's layers.
        """
        first = depth - self.new_layers if self.new_layers_from == "Top" else self.layers
        return (*range(self.layers), *range(first, first + self.new_layers))


class EmbedParams(Contract):
    """Inputs: `model` (the mini-model; for Standard the base), `base`, `corpus`.

    From the start `aligned` also `source`, a corpus of source text in the base's tokens.
    """

    method: Method
    init: Init
    training: LmTraining
    calibrate: bool = Field(
        default=False,
        exclude_if=lambda asked: not asked,
        description="Whether the start is fitted to the text's frequencies. If not it is not "
        "digested.",
    )
    keep_unseen: bool = Field(
        default=False,
        exclude_if=lambda kept: not kept,
        description="Whether added tokens start as the base has them, and those that are "
        "not in the text stay so: the end of a turn, say. If not it is not digested.",
    )
    output_steps: int = Field(
        default=0,
        exclude_if=lambda steps: not steps,
        description="The first updates, of which the output side alone learns. 0 is not digested.",
    )
    snapshots: tuple[int, ...] | None = Field(
        default=None,
        exclude_if=lambda steps: steps is None,
        description="Updates after which to keep what was learned so far, 0 for the start. Unset "
        "it is not digested.",
    )

    @property
    def output_share(self) -> float:
        """Share of the updates of which the output side alone learns."""
        return self.output_steps / self.training.steps


class TaskFiles(Contract):
    """How the files of a task are read."""

    format: TaskFormat
    columns: dict[str, str] = Field(
        default_factory=dict[str, str],
        exclude_if=lambda columns: not columns,
        description="Our name of a field to the files', where they differ. Empty it is not "
        "digested.",
    )
    labels: tuple[str, ...] = Field(
        default=(),
        exclude_if=lambda labels: not labels,
        description="The labels in order; empty: those of the training data. Empty it is not "
        "digested.",
    )


class FinetuneParams(TaskFiles):
    """Inputs: `base`, `train`, and `dev` where one is given. Never the target language."""

    source_language: str
    epochs: int
    batch_size: int
    learning_rate: float
    max_length: int
    dropout: float
    seed: int
    answer_end: bool = Field(
        default=False,
        exclude_if=lambda stops: not stops,
        description="Whether the model is written to stop at what its answers end in, beside the "
        "base's own ends. Of instructions alone; if not it is not digested.",
    )


class GraftTask(TaskFiles):
    """One task to evaluate.

    Its inputs are `test:<name>`, `source_test:<name>` and, for each seed, `finetune:<name>:<seed>`.
    """

    name: str
    max_length: int
    seeds: tuple[int, ...]


class Generation(Contract):
    """Texts that a causal base and its graft continue, for people to read."""

    prompts: tuple[str, ...] = Field(
        default=(), description="None: beginnings of held-out documents."
    )
    max_new_tokens: int = Field(default=48)


class GraftParams(Contract):
    """Inputs: `base`, `corpus` and `embed` (and its `source`), beside those of the tasks."""

    language: str
    method: Method
    pack: Literal[1] = Field(
        default=1,
        description="Format of the language pack that it writes. Stages that were planned without "
        "it wrote whole models.",
    )
    source_language: str = Field(
        default="en",
        exclude_if=lambda language: language == "en",
        description="Of `source_test` files. As it is it is not digested.",
    )
    init: Init = Field(description="Where step 2 started, which is scored beside its end.")
    seed: int = Field(description="Of that start.")
    calibrate: bool = Field(
        default=False,
        exclude_if=lambda asked: not asked,
        description="Whether that start was fitted to the text's frequencies. If not it is not "
        "digested.",
    )
    tasks: tuple[GraftTask, ...]
    generation: Generation | None = Field(
        default=None,
        exclude_if=lambda asked: asked is None,
        description="None: as its own defaults say. Unset it is not digested.",
    )
    snapshot: int | None = Field(
        default=None,
        exclude_if=lambda step: step is None,
        description="Evaluate the embeddings as they were after so many updates, and keep the "
        "scores and predictions only. No resource asks for it: learning curves do "
        "(bench/replication).",
    )


class GateParams(Contract):
    """A task's gate."""

    task: str
    metric: str
    min: float


class PublishParams(Contract):
    """Inputs: `graft` and `base`.

    The gates are here too: nothing is published that misses one, whoever starts the stage.
    """

    uri: str
    as_: Literal["pack", "model"] = Field(alias="as")
    language: str
    gates: tuple[GateParams, ...] = ()
    no_worse_than: Literal["current"] | None = Field(
        default=None, exclude_if=lambda what: what is None
    )
    margin: float = Field(default=0.0, exclude_if=lambda margin: not margin)
