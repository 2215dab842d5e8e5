"""Steps 3 and 4 of the method: tasks, the gates that they have to pass, and what is shown."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lingraft.resource.fields import MOST_POSITIONS, Model, Uri
from lingraft.resource.formats import FORMATS, NAMED, TaskFormat, columns_of, listed, metrics_of

LabelName = Annotated[str, Field(min_length=1, max_length=256)]
Column = Annotated[str | None, Field(default=None, min_length=1, max_length=256)]


class Columns(Model):
    """What the files call a field, where that is not our name of it."""

    text: Column = Field(description="classification, pairs: the text, or the first of a pair.")
    text_pair: Column = Field(description="pairs: the second text.")
    label: Column = Field(
        description="classification, pairs: the label. choice: the right one's number, from 0."
    )
    group: Column = Field(
        description="classification, pairs, ner, pos: what stands or falls together."
    )
    context: Column = Field(description="qa: the paragraph. choice: what the choices follow.")
    question: Column = Field(description="qa, choice: the question.")
    choices: Column = Field(description="choice: the list of choices.")
    prompt: Column = Field(description="instruction: what is asked.")
    completion: Column = Field(description="instruction: the answer.")
    messages: Column = Field(description="instruction: a conversation, the answer its last turn.")
    system: Column = Field(description="instruction: what the model is told before that.")
    answers: Column = Field(description="qa: the answers.")
    id: Column = Field(description="qa: the question's id.")
    source: Column = Field(description="retrieval: the sentence in the new language.")
    target: Column = Field(description="retrieval: its translation into the source language.")
    tokens: Column = Field(description="ner, pos: the words, a list of strings.")
    tags: Column = Field(description="ner, pos: the words' tags, a list as long.")


class Gate(Model):
    """A quality bar: below it the adaptation is not Ready."""

    metric: Literal[
        "accuracy",
        "accuracyNorm",
        "accuracyBytes",
        "macroF1",
        "exactMatch",
        "f1",
        "precision",
        "recall",
    ] = Field(
        description="What is measured. mlqa, squad and qa have exactMatch and f1; belebele, xcopa, "
        "xstorycloze, choice, multiblimp and retrieval have accuracy; ner has f1, precision and "
        "recall (of whole entities); the others have accuracy and macroF1 (of pos: of words). "
        "Choices of a causal base also have accuracyNorm and accuracyBytes: of the likeliest for "
        "each character, and for each byte."
    )
    min: float = Field(ge=0, le=1, description="Least value that passes, 0 to 1.")


class Generation(Model):
    """What a causal base and its graft write, greedily and by sampling, for people to read."""

    prompts: list[Annotated[str, Field(min_length=1, max_length=2000)]] = Field(
        default_factory=list[str],
        max_length=16,
        description="Texts to continue, in the new language. Default: the beginnings of three "
        "documents that were held out.",
    )
    max_new_tokens: int = Field(
        default=48, ge=1, le=512, description="Tokens of one continuation, at most."
    )


class Task(Model):
    """A task: fine-tuned in the source language, evaluated zero-shot in the target language.

    A causal base chooses without training, by log-likelihood; an `instruction` task tunes it to
    answer.
    """

    name: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=40,
        description="A name of its own among the tasks.",
    )
    format: TaskFormat = Field(
        description="Format of its files, which also decides the kind of task. classification, "
        "pairs, qa, choice and instruction are for files of your own; ner and pos read the usual "
        "files of named entity recognition and part-of-speech tagging too."
    )
    train: Uri | None = Field(
        default=None,
        description="Source-language training data. Not for retrieval and multiblimp, nor for "
        "choices of a causal base (belebele, xcopa, xstorycloze, choice).",
    )
    dev: Uri | None = Field(
        default=None,
        description="Source-language data that picks the best epoch. Default: 10 % of train.",
    )
    test: Uri = Field(description="Target-language test data.")
    source_test: Uri | None = Field(
        default=None, description="Source-language test data, to show what transfer costs."
    )
    columns: Columns | None = Field(
        default=None,
        description="Other names of the fields of classification, pairs, qa, choice, instruction, "
        "retrieval, ner and pos files, such as {text: sentence, label: category}.",
    )
    labels: list[LabelName] | None = Field(
        default=None,
        min_length=2,
        max_length=1000,
        description="The labels in order, where the files give their numbers from 0, or no others "
        "may occur. Default: those of the training data, sorted. classification, pairs, ner and "
        "pos.",
    )
    gate: Gate | None = Field(
        default=None, description="A quality bar: below it the adaptation is not Ready."
    )
    epochs: int = Field(default=3, ge=1, le=1000, description="Passes over the training data.")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Examples in one update.")
    learning_rate: float = Field(
        default=2e-5, gt=0, le=1, description="AdamW's peak learning rate, after 6 % warm-up."
    )
    max_length: int | None = Field(
        default=None,
        ge=16,
        le=MOST_POSITIONS,
        description="Tokens of one example, at most; longer paragraphs of questions, and longer "
        "sentences of ner and pos, are read in overlapping windows of so many, longer contexts "
        "of choices are cut. Default: 128, of mlqa, squad and qa 384, of belebele and choice 512, "
        "of instruction 1,024, or what the base and the embeddings' rows allow if that is less; of "
        "choices of a causal base all its positions.",
    )
    dropout: float = Field(
        default=0.1, ge=0, lt=1, description="Share dropped out in the layers, 0 to 1."
    )
    seeds: int = Field(
        default=1, ge=1, le=20, description="Fine-tuning runs; their scores are averaged."
    )

    @property
    def renamed(self) -> dict[str, str]:
        """Our name of a field to the files', where they differ."""
        return self.columns.model_dump(by_alias=True, exclude_none=True) if self.columns else {}

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in order; empty where those of the training data are meant."""
        return tuple(label.strip() for label in self.labels or ())

    @model_validator(mode="after")
    def _needs_train(self) -> Self:
        if self.gate is not None and self.gate.metric not in metrics_of(self.format):
            known = ", ".join(metrics_of(self.format)) or "none"
            raise ValueError(f"gate.metric is {self.gate.metric}; a {self.format} task has {known}")
        if set(self.renamed) - set(FORMATS[self.format].columns):
            message = f"columns of a {self.format} task that can be renamed: "
            raise ValueError(message + columns_of(self.format))
        if self.labels is not None and self.format not in NAMED:
            raise ValueError(f"labels are for {listed(NAMED)} tasks")
        trains = FORMATS[self.format].of_kind.trains
        if self.format == "retrieval" and (self.train or self.dev or self.source_test):
            raise ValueError("retrieval needs no train, dev or sourceTest: nothing is fine-tuned")
        if trains == "never" and (self.train or self.dev):
            raise ValueError(f"{self.format} needs no train or dev: nothing is fine-tuned")
        if trains == "always" and self.train is None:
            raise ValueError(f"a {self.format} task needs train (source-language data)")
        if self.dev is not None and self.train is None:
            raise ValueError("dev picks the best epoch of training: give train too")
        return self
