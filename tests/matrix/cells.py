"""One cell: a value of every axis, as a resource that `lingraft run` would be given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.matrix.bases import BASES, BODIES, JOINT_LAYERS
from tests.matrix.corpora import CORPORA
from tests.matrix.cover import Pair, Row, cover
from tests.matrix.precision import DTYPES, PRODUCTS
from tests.matrix.tagged import TAGGED
from tests.matrix.tasks import LANGUAGE, TASKS
from tests.matrix.vocabularies import VOCABULARIES

AXES: dict[str, tuple[str, ...]] = {
    "base": tuple(BASES),
    "tokenizer": tuple(VOCABULARIES),
    "corpus": tuple(CORPORA),
    "task": (*TASKS, *TAGGED),
    "precision": tuple(DTYPES),
    "method": ("Standard", "MiniJoint", "MiniPost"),
    "init": ("overlap", "mean", "focus", "random", "normal", "aligned"),
    "products": tuple(PRODUCTS),
}
NEVER = frozenset(
    Pair([("base", body), ("method", method)])
    for body in BODIES
    for method in ("Standard", "MiniJoint")
)
"""Refused, and tested as that: such a cell would hide what else is in it."""
BEGINNING = 60
"""Cells that every run of the tests takes; they hold every value, and most pairs."""
TRAINING: dict[str, Any] = {"steps": 5, "batchTokens": 256, "sequenceLength": 32}


@dataclass(frozen=True)
class Cell:
    """A value of every axis."""

    base: str = "bert"
    tokenizer: str = "unigram"
    corpus: str = "txt"
    task: str = "classification"
    precision: str = "float32"
    method: str = "Standard"
    init: str = "overlap"
    products: str = "fp32 products"

    def __str__(self) -> str:
        """As a test's id."""
        return ", ".join(vars(self).values())


def cells(*, whole: bool) -> list[Cell]:
    """Cells that hold every two values together, or the beginning of them."""
    rows: list[Row] = cover(AXES, NEVER)
    return [Cell(**row) for row in (rows if whole else rows[:BEGINNING])]


def resource_fields(cell: Cell, uris: Mapping[str, str], **fields: Any) -> dict[str, Any]:
    """The file of a cell, with URIs of `base`, `corpus`, `source` and `store`."""
    rate = {"learningRate": 5e-3}
    mini: dict[str, Any] = {}
    if cell.method != "Standard":
        mini = {"layers": JOINT_LAYERS}
    if cell.init == "aligned":
        mini["text"] = {"uri": uris["source"]}
    if cell.method == "MiniPost":
        mini |= TRAINING | rate | {"newLayers": 1, "text": {"uri": uris["source"]}}
    return {
        "apiVersion": "lingraft.dev/v1alpha1",
        "kind": "LanguageAdaptation",
        "metadata": {"name": "cell"},
        "spec": {
            "language": LANGUAGE,
            "method": cell.method,
            "base": {"uri": uris["base"]},
            "mini": mini,
            "corpus": {"uri": uris["corpus"]},
            "embeddings": TRAINING | rate | {"init": cell.init},
            "store": {"uri": uris["store"]},
        }
        | fields,
    }


def task_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A task that takes a moment."""
    short: dict[str, Any] = {"name": "task", "maxLength": 32}
    if fields["format"] != "retrieval":
        short |= {"epochs": 1, "batchSize": 8, "learningRate": 1e-3}
    return short | dict(fields)
