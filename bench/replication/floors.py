"""What a score must stand above: majority, and a rule that knows no language model.

For classification TF-IDF with logistic regression, trained on English and applied as it is
(`examples/bible/baselines.py`). For pairs a logistic regression on their lexical overlap, for
choices the one that shares most words with its context.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.replication.preset import ROOT
from lingraft.cache import cache_dir
from lingraft.formats import Choice, Example, Purpose, read_examples
from lingraft.resource.formats import FORMATS, TaskFormat
from lingraft.sources import fetch_source
from lingraft.stage import Source, sha256_of

FLOORS = ROOT / ".demo" / "replication" / "floors"
BASELINES = ROOT / "examples" / "bible" / "baselines.py"


def floor(train: Source, test: Source, form: TaskFormat, language: str) -> tuple[str, list[float]]:
    """The better rule's name, and each test example's score under it; computed once a rule."""
    rules = [file.read_text(encoding="utf-8") for file in (Path(__file__), BASELINES)]
    told = [*rules, train.fingerprint, test.fingerprint, form, language]
    kept = FLOORS / f"{sha256_of(told)[:16]}.json"
    if kept.exists():
        name, correct = json.loads(kept.read_text())
        return name, correct
    english, rows = _read(train, form, "en", "train"), _read(test, form, language, "test")
    if FORMATS[form].kind == "qa":
        return "no answer", [0.0] * len(rows)
    common = Counter(one.label for one in english).most_common(1)[0][0]
    rule = "TF-IDF" if FORMATS[form].kind == "classification" else "lexical rule"
    found = {"majority": [common] * len(rows), rule: _rule(english, rows, form)}
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


def nearest(row: Choice) -> str:
    """Number of the first choice that shares most words with context and question."""
    shared = [overlap(f"{row.context} {row.question}", choice) for choice in row.choices]
    return str(shared.index(max(shared)))


def _rule(english: list[Any], rows: list[Any], form: TaskFormat) -> list[str]:
    if FORMATS[form].kind == "choice":
        return [nearest(row) for row in rows]
    if FORMATS[form].kind == "pairs":
        from sklearn.linear_model import LogisticRegression

        model: Any = LogisticRegression().fit(_overlaps(english), [one.label for one in english])
        return [str(one) for one in model.predict(_overlaps(rows))]
    folder = str(BASELINES.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from baselines import train

    return [str(one) for one in train(english).predict([row.text for row in rows])]


def _overlaps(rows: list[Example]) -> np.ndarray:
    return np.array([[overlap(one.text, one.text_pair or "")] for one in rows])


def _read(source: Source, form: TaskFormat, language: str, purpose: Purpose) -> list[Any]:
    return read_examples(fetch_source(source, cache_dir()), form, language, purpose).rows
