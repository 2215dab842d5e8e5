"""What a score must stand above: majority, and a rule that knows no language model.

For classification TF-IDF with logistic regression, trained on English and applied as it is
(`examples/bible/baselines.py`). For pairs a logistic regression on their lexical overlap.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.replication.preset import ROOT
from lingraft.stage import sha256_of
from lingraft_trainer.data.tasks import Example, read_examples

FLOORS = ROOT / ".demo" / "replication" / "floors"


def floor(train: Path, test: Path, format: str, language: str) -> tuple[str, list[float]]:
    """The better one's name, and each test example's score under it; computed once."""
    files = [path.read_text(encoding="utf-8") for path in (train, test)]
    kept = FLOORS / f"{sha256_of([*files, format])[:16]}.json"
    if kept.exists():
        name, correct = json.loads(kept.read_text())
        return name, correct
    english, rows = _read(train, format, "en"), _read(test, format, language)
    common = Counter(one.label for one in english).most_common(1)[0][0]
    found = {
        "majority": [common] * len(rows),
        "lexical rule" if format == "pairs" else "TF-IDF": _rule(english, rows, format),
    }
    scores = {
        name: [float(p == row.label) for p, row in zip(predicted, rows, strict=True)]
        for name, predicted in found.items()
    }
    name = max(scores, key=lambda one: sum(scores[one]))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([name, scores[name]]))
    return name, scores[name]


def overlap(one: str, other: str) -> float:
    """The share of the words of two texts that both have (Jaccard)."""
    first, second = set(one.casefold().split()), set(other.casefold().split())
    return len(first & second) / max(1, len(first | second))


def _rule(english: list[Example], rows: list[Example], format: str) -> list[str]:
    if format == "pairs":
        from sklearn.linear_model import LogisticRegression

        model: Any = LogisticRegression().fit(_overlaps(english), [one.label for one in english])
        return [str(one) for one in model.predict(_overlaps(rows))]
    folder = str(ROOT / "examples" / "bible")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from baselines import train

    return [str(one) for one in train(english).predict([row.text for row in rows])]


def _overlaps(rows: list[Example]) -> np.ndarray:
    return np.array([[overlap(one.text, one.text_pair or "")] for one in rows])


def _read(path: Path, format: str, language: str) -> list[Example]:
    rows = read_examples(path, format, language)
    return [row for row in rows if isinstance(row, Example)]
