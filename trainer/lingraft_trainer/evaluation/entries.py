"""What `evaluation.json` says of a task.

Every score comes with its floors: what the most frequent answer would score, and what the source
language's model scores when it reads the new language as it is, through its own tokenizer.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lingraft.formats import (
    Choice,
    Collected,
    MinimalPair,
    Purpose,
    Tagged,
    TaskRow,
    group_of,
    labels_in,
)
from lingraft.params import GraftTask
from lingraft.resource.formats import LIKELIHOOD
from lingraft_trainer.evaluation.metrics import bootstrap_stderr, quotient_stderr
from lingraft_trainer.tasks.classify import classification_totals
from lingraft_trainer.tasks.kinds import Scores, kind_of
from lingraft_trainer.tasks.tagging import Tagging, tagging_totals
from lingraft_trainer.tasks.training_data import read_warnings

BOOTSTRAP_SEED = 0
MOST_CONFUSED = 24
"""Labels whose confusion is written down: it has a number for any two of them."""


def entry_of(
    task: GraftTask, read: Mapping[Purpose, Collected], runs: dict[str, list[Scores]]
) -> dict[str, Any]:
    """A task's entry.

    Args:
        task: The task.
        read: What its files hold.
        runs: Scores of the grafted models (`target`) and of those that never saw the language
            (`untouched`).
    """
    rows = read["test"].rows
    metrics = summarise(runs["target"], rows)
    untouched = summarise(runs["untouched"], rows) if runs["untouched"] else {}
    majority = _majority(rows, task)
    return {
        "task": task.name,
        "format": task.format,
        "examples": len(rows),
        "rows": sum(_rows_of(row) for row in rows),
        "metrics": metrics,
        "floors": {
            metric: {"majority": majority.get(metric), "untouched": untouched.get(metric)}
            for metric in metrics
        },
        "unknownRate": max(run.unknown_rate for run in runs["target"]),
        "degenerate": _degenerate(
            runs["target"], "word" if isinstance(rows[0], Tagged) else "example"
        ),
        "data": {purpose: one.to_json() for purpose, one in read.items()},
        "warnings": read_warnings(read),
    }


def _rows_of(row: TaskRow) -> int:
    """Rows of a model that an example takes."""
    if isinstance(row, MinimalPair):
        return 2
    return len(row.choices) if isinstance(row, Choice) else 1


def _majority(rows: Sequence[TaskRow], task: GraftTask) -> dict[str, float]:
    """What the most frequent label would score everywhere; nothing where there are no labels."""
    gold = _labels(rows)
    if not gold:
        return {}
    most, _ = Counter(sorted(gold)).most_common(1)[0]
    if tags := [row.tags for row in rows if isinstance(row, Tagged)]:
        kind = kind_of(task.format)
        assert isinstance(kind, Tagging)
        return tagging_totals(kind.kind, tags, [[most] * len(one) for one in tags])
    totals = classification_totals(gold, [most] * len(gold))
    return totals | dict.fromkeys(LIKELIHOOD, totals["accuracy"])


def _labels(rows: Sequence[TaskRow]) -> list[str]:
    """Each row's labels, of choices the right one's number; none of other kinds."""
    return [
        label
        for row in rows
        for label in ((row.label,) if isinstance(row, Choice) else labels_in(row))
    ]


def label_counts(rows: Sequence[TaskRow], runs: Sequence[Scores]) -> dict[str, Any] | None:
    """How often each label is right, and is given on average over the seeds."""
    gold = Counter(_labels(rows))
    if not gold:
        return None
    said = [one["prediction"] for run in runs for one in run.predictions]
    # A label each, or one for every word.
    given = Counter(tag for one in said for tag in (one if isinstance(one, list) else [one]))
    names = sorted({*gold, *given})
    return {
        "gold": {name: gold[name] for name in names},
        "predicted": {name: round(given[name] / len(runs), 1) for name in names},
    } | _confusion(rows, runs, names)


def _confusion(rows: Sequence[TaskRow], runs: Sequence[Scores], names: list[str]) -> dict[str, Any]:
    """How often each right label got each other, on average over the seeds; of a label a row."""
    if len(names) > MOST_CONFUSED or any(isinstance(row, Tagged | Choice) for row in rows):
        return {}
    met = Counter(
        (right, one["prediction"])
        for run in runs
        for right, one in zip(_labels(rows), run.predictions, strict=True)
    )
    return {
        "confusion": {
            right: {
                given: round(met[right, given] / len(runs), 1)
                for given in names
                if met[right, given]
            }
            for right in names
        }
    }


def _degenerate(runs: Sequence[Scores], what: str) -> list[str]:
    """A sentence for each model that tells no example, or no word, from another."""
    return [
        f"the model of seed {seed} gives every {what} {run.constant!r}"
        for seed, run in enumerate(runs)
        if run.constant is not None
    ]


def summarise(runs: Sequence[Scores], rows: Sequence[TaskRow]) -> dict[str, Any]:
    """Every metric's mean over the seeds, each seed's value, and a standard error.

    The standard error is of the mean over seeds, bootstrapped over the rows' groups; it says
    how sure the score is of the test set, not of the seeds (whose values are all given).
    """
    groups = [group_of(row) for row in rows]
    summary: dict[str, Any] = {}
    for metric in runs[0].totals:
        values = [run.totals[metric] for run in runs]
        summary[metric] = {"mean": float(np.mean(values)), "perSeed": values, "stderr": None}
        if metric in runs[0].per_example:
            mean = np.mean([run.per_example[metric] for run in runs], axis=0).tolist()
            summary[metric]["stderr"] = bootstrap_stderr(mean, groups, BOOTSTRAP_SEED)
        elif metric in runs[0].quotients:
            parts = [run.quotients[metric] for run in runs]
            summary[metric]["stderr"] = quotient_stderr(parts, groups, BOOTSTRAP_SEED)
    return summary


def write_predictions(path: Path, scores: Scores) -> None:
    """A line an example."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(one, ensure_ascii=False) for one in scores.predictions)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
