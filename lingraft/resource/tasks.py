"""Steps 3 and 4 of the method: tasks, and the gates that they have to pass."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lingraft.resource.fields import MOST_POSITIONS, Model, Uri

TaskFormat = Literal[
    "xnli", "paws-x", "mlqa", "squad", "classification", "pairs", "qa", "retrieval"
]


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
