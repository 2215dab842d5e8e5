"""The seam where a kind of task says how it is trained and scored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.formats import TaskRow
from lingraft.resource.formats import FORMATS, TaskFormat
from lingraft.stage import CPU_MICRO_BATCH_TOKENS
from lingraft_trainer.data.encode import unknown_id
from lingraft_trainer.evaluation.metrics import Quotient
from lingraft_trainer.machine.device import sent
from lingraft_trainer.tasks.features import rows_of, targets_of

EVALUATION_BATCH = 64
"""Features of one forward pass without gradients, at most."""
PAD_TO_MULTIPLE_OF = 8
"""Tokens, where a CPU computes in bf16: oneDNN compiles every shape of a product anew."""


@dataclass(frozen=True)
class TaskBatch:
    """A padded micro-batch: what the model is called with, and its targets."""

    inputs: dict[str, Tensor]  # each [B, S]; of choices each [R, S]: a row a choice
    targets: Tensor  # classification [B]; question answering [B, 2]: start and end token
    # choices [B, 2]: the right one and their number, which sum to R; tagging [B, S]

    @property
    def rows(self) -> int:
        """Features in this micro-batch."""
        return self.targets.shape[0]

    def to(self, device: torch.device) -> "TaskBatch":
        """The batch on a device."""
        return TaskBatch(
            {name: sent(t, device) for name, t in self.inputs.items()}, sent(self.targets, device)
        )


@dataclass(frozen=True)
class Scores:
    """Scores of one model on one test set.

    Attributes:
        per_example: Metric to each example's score, for those that are means over examples.
        totals: Metric to score, all of them, each 0..1.
        quotients: Metric to what each example adds to the two sums that it is the quotient of.
        predictions: One JSON object an example, in order.
        unknown_rate: Share of the examples' tokens that the tokenizer does not know.
        constant: What the model gives every example, where it is the same; else None.
        tokens: That the model read, where examples are not all of a task's `max_length`.
    """

    per_example: dict[str, list[float]]
    totals: dict[str, float]
    predictions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    unknown_rate: float = 0.0
    constant: str | None = None
    quotients: Mapping[str, Quotient] = field(default_factory=dict[str, Quotient])
    tokens: int | None = None


class TaskKind(Protocol):
    """One kind of fine-tuned task."""

    auto_class: type
    """transformers' auto class of its models."""

    selects_by: str
    """The metric whose best value on source dev picks the epoch; of LOSSES the least."""

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """What the model's config says of the task."""
        ...

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """Training features: the tokenizer's output for one each, with `target`.

        One that takes several rows of a model has them as `rows`; one whose loss is a mean over
        something else than features says by `count` how many of these it has.
        """
        ...

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Summed loss of a micro-batch, in nats."""
        ...

    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Score a model."""
        ...


def kind_of(format: TaskFormat) -> TaskKind:
    """The kind of a format that is fine-tuned."""
    from lingraft_trainer.tasks.choice import MultipleChoice
    from lingraft_trainer.tasks.classify import Classification
    from lingraft_trainer.tasks.instruct import InstructionTuning
    from lingraft_trainer.tasks.qa import QuestionAnswering
    from lingraft_trainer.tasks.tagging import Tagging

    match FORMATS[format].kind:
        case "ner" | "pos" as kind:
            return Tagging(kind)
        case "classification" | "pairs":
            return Classification()
        case "qa":
            return QuestionAnswering(format)
        case "choice":
            return MultipleChoice()
        case "instruction":
            return InstructionTuning()
        case "retrieval" | "minimal-pairs" as kind:
            raise AssertionError(f"nothing is fine-tuned for {kind}")


class TaskObjective(nn.Module):
    """A task's summed loss as a module, for the training loop.

    Args:
        model: Of the task.
        kind: The task's.
        max_length: Of a feature, in tokens.
    """

    def __init__(self, model: PreTrainedModel, kind: TaskKind, max_length: int) -> None:
        super().__init__()
        self.model = model
        self.kind = kind
        self.max_length = max_length

    def forward(self, batch: TaskBatch) -> Tensor:
        """The summed loss of a micro-batch, a scalar."""
        if batch.targets.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            batch = _padded(batch, self.model.config.pad_token_id or 0, self.max_length)
        return self.kind.loss(self.model, batch)


def _padded(batch: TaskBatch, pad_id: int, max_length: int) -> TaskBatch:
    """The batch, padded to a multiple of PAD_TO_MULTIPLE_OF tokens, but not beyond the limit."""
    length = batch.inputs["input_ids"].shape[1]
    more = max(0, min(length + -length % PAD_TO_MULTIPLE_OF, max_length) - length)
    padded = {
        name: torch.nn.functional.pad(tensor, (0, more), value=(name == "input_ids") * pad_id)
        for name, tensor in batch.inputs.items()
    }
    return TaskBatch(padded, batch.targets)


def pad(
    features: Sequence[dict[str, Any]], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> TaskBatch:
    """Features padded to the longest of their rows."""
    rows = [row for feature in features for row in rows_of(feature)]
    names = [name for name in tokenizer.model_input_names if name in rows[0]]
    padded = tokenizer.pad(
        {name: [row[name] for row in rows] for name in names},
        padding="longest",
        max_length=max_length,
        padding_side="right",  # targets are places
        return_tensors="pt",
    )
    return TaskBatch({name: padded[name] for name in names}, targets_of(features))


def batched_features(features: Sequence[dict[str, Any]], rows: int) -> list[list[int]]:
    """Numbers of features as batches of like length.

    Args:
        features: What `TaskKind.encode` gave.
        rows: Rows of one batch, at most; but a feature's rows stay together.
    """
    lengths = [max(len(row["input_ids"]) for row in rows_of(one)) for one in features]
    most = max((len(rows_of(one)) for one in features), default=1)
    return batched(lengths, max(1, rows // most))


def unknown_rate(features: Sequence[dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> float:
    """Share of the features' tokens, those of the frames left out, that the tokenizer knows not."""
    backend: Any = tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    unknown = unknown_id(backend)
    special = {number for number in tokenizer.all_special_ids if number != unknown}
    rows = [row for feature in features for row in rows_of(feature)]
    tokens = [t for row in rows for t in row["input_ids"] if t not in special]
    return round(sum(t == unknown for t in tokens) / max(1, len(tokens)), 6)


def constant_of(answers: Sequence[str], right: Collection[object]) -> str | None:
    """The one answer to everything; None where there are several, or where one is right."""
    given = set(answers)
    return given.pop() if len(given) == 1 and len(set(right)) > 1 else None


def checked(outputs: Tensor, whose: str) -> Tensor:
    """A model's outputs, refused where they are no numbers.

    Raises:
        UserError: NaN or infinities among them.
    """
    if not torch.isfinite(outputs).all():
        raise UserError(
            f"{whose} gives values that are no numbers (NaN or infinite): its training diverged; "
            "lower the learning rate",
            where="spec.tasks",
        )
    return outputs


def batched(lengths: Sequence[int], rows: int) -> list[list[int]]:
    """Numbers of features as batches of like length, so that little padding is computed.

    Args:
        lengths: Each feature's tokens.
        rows: Features of one batch, at most.
    """
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    parts = -(-len(order) // rows)
    # As even as they can be: a rest of one feature would cost a pass of its own.
    cuts = [len(order) * part // max(1, parts) for part in range(parts + 1)]
    return [order[start:end] for start, end in pairwise(cuts)]


def rows_at_once(device: torch.device, max_length: int, tokens: int | None = None) -> int:
    """Features of one forward pass.

    Args:
        device: Where it runs.
        max_length: Of a feature.
        tokens: At most, of a training pass.
    """
    rows = EVALUATION_BATCH if tokens is None else max(1, tokens // max_length)
    return min(rows, max(1, CPU_MICRO_BATCH_TOKENS // max_length)) if device.type == "cpu" else rows


def label_names(model: PreTrainedModel) -> tuple[str, ...]:
    """The labels that a classification model was fine-tuned with, by their numbers."""
    names: Any = model.config.id2label
    return tuple(names[i] for i in range(len(names)))
