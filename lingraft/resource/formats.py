"""Every task format in one table: its kind of task, its metrics, the fields of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

TaskFormat = Literal[
    "xnli",
    "paws-x",
    "mlqa",
    "squad",
    "belebele",
    "xcopa",
    "xstorycloze",
    "multiblimp",
    "sib-200",
    "massive",
    "classification",
    "pairs",
    "qa",
    "choice",
    "instruction",
    "retrieval",
    "ner",
    "pos",
]
TaskKind = Literal[
    "classification",
    "pairs",
    "qa",
    "choice",
    "minimal-pairs",
    "instruction",
    "retrieval",
    "ner",
    "pos",
]
"""What a model is asked to do. `pairs` are classified; of `minimal-pairs` the right sentence is to
be the likelier one; an `instruction` is answered; `retrieval` compares vectors; `ner` and `pos` tag
every word."""


@dataclass(frozen=True)
class Kind:
    """One kind of task.

    Attributes:
        metrics: What a gate can ask for; none where less is better.
        trains: Whether a model is fine-tuned for it: always, never, or of a masked base alone.
        labels: Whether its examples, or their words, have one label each.
        length: Tokens of one example where the task names no maxLength.
    """

    metrics: tuple[str, ...]
    trains: Literal["always", "masked", "never"] = "always"
    labels: bool = False
    length: int = 128


LIKELIHOOD = ("accuracy", "accuracyNorm", "accuracyBytes")
"""lm-evaluation-harness' acc, acc_norm and acc_bytes: of the likeliest continuation, and of the
likeliest for each of its characters and bytes."""
LOSSES = ("bitsPerByte", "loss")
"""Metrics of which less is better."""

KINDS: Mapping[TaskKind, Kind] = MappingProxyType(
    {
        "classification": Kind(("accuracy", "macroF1"), labels=True),
        "pairs": Kind(("accuracy", "macroF1"), labels=True),
        "qa": Kind(("exactMatch", "f1"), length=384),  # with its paragraph: SQuAD's usual setting
        # With its passage: RACE's usual setting.
        "choice": Kind(LIKELIHOOD, trains="masked", length=512),
        "minimal-pairs": Kind(LIKELIHOOD, trains="never"),
        "instruction": Kind((), length=1024),  # TRL's usual setting
        "retrieval": Kind(("accuracy",), trains="never"),
        "ner": Kind(("f1", "precision", "recall"), labels=True),
        "pos": Kind(("accuracy", "macroF1"), labels=True),
    }
)


@dataclass(frozen=True)
class Format:
    """One format of task files.

    Attributes:
        kind: A key of KINDS.
        columns: Its fields, where the files are the user's own and may call them otherwise.
        named: Whether the labels are the user's own, and `labels` may name them.
        short: Whether its texts are a few sentences, however long its kind's may be.
    """

    kind: TaskKind
    columns: tuple[str, ...] = ()
    named: bool = False
    short: bool = False

    @property
    def of_kind(self) -> Kind:
        """Its row of KINDS."""
        return KINDS[self.kind]

    @property
    def length(self) -> int:
        """Tokens of one example where the task names no maxLength."""
        return Kind.length if self.short else self.of_kind.length


FORMATS: Mapping[TaskFormat, Format] = MappingProxyType(
    {
        "xnli": Format("pairs"),
        "paws-x": Format("pairs"),
        "mlqa": Format("qa"),
        "squad": Format("qa"),
        "belebele": Format("choice"),
        "xcopa": Format("choice", short=True),
        "xstorycloze": Format("choice", short=True),
        "multiblimp": Format("minimal-pairs"),
        "sib-200": Format("classification"),
        "massive": Format("classification"),
        "classification": Format("classification", ("text", "label", "group"), named=True),
        "pairs": Format("pairs", ("text", "textPair", "label", "group"), named=True),
        "qa": Format("qa", ("context", "question", "answers", "id")),
        "choice": Format("choice", ("context", "question", "choices", "label")),
        "instruction": Format("instruction", ("prompt", "completion", "messages", "system")),
        "retrieval": Format("retrieval", ("source", "target")),
        "ner": Format("ner", ("tokens", "tags", "group"), named=True),
        "pos": Format("pos", ("tokens", "tags", "group"), named=True),
    }
)

NAMED: tuple[TaskFormat, ...] = tuple(name for name, one in FORMATS.items() if one.named)
"""Formats whose labels are the user's own."""


def metrics_of(format: TaskFormat) -> tuple[str, ...]:
    """The metrics a gate can ask for."""
    return FORMATS[format].of_kind.metrics


def columns_of(format: TaskFormat) -> str:
    """The fields that `columns` can rename, as people read them."""
    return ", ".join(FORMATS[format].columns) or "none"


def listed(names: tuple[str, ...]) -> str:
    """Names as a sentence has them: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
