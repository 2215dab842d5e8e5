"""What a task of the matrix is, and its files as people write them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support.bases import TEXT

LANGUAGE = "de"
"""The new language's tag: one that XNLI, PAWS-X, MLQA and XQuAD all have."""
NLI = ("entailment", "neutral", "contradiction")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """What a resource says of a task, and what must come of it.

    Attributes:
        fields: Of `spec.tasks[0]`.
        kind: What the model is asked.
        tests: The test data in order: (text, second text or None, label); of choices (context,
            question and choices, a line each, number of the right one); of tags the words and
            their tags, each with spaces between.
    """

    fields: dict[str, Any]
    kind: Literal["label", "question", "choice", "retrieval", "tags"]
    tests: list[tuple[str, str | None, str]] = field(
        default_factory=list[tuple[str, str | None, str]]
    )


def pairs(first: int, count: int, labels: Sequence[str]) -> list[tuple[str, str, str]]:
    """Two texts of few words and a label, `count` of them."""
    texts = [" ".join(text.split()[:3]) for text in TEXT[first : first + 2 * count]]
    both = zip(texts[::2], texts[1::2], strict=True)
    return [(a, b, labels[i % len(labels)]) for i, (a, b) in enumerate(both)]


def lines(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    """JSON Lines; its URI."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return put(path, gzip.compress(text) if path.suffix == ".gz" else text)


def table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Tab-separated values; its URI."""
    return put(path, "".join("\t".join(map(str, r)) + "\n" for r in [columns, *rows]).encode())


def put(path: Path, content: bytes) -> str:
    """A file; its URI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path.as_uri()
