"""Scores as the Hub words them: `model-index` of a card, and `.eval_results/*.yaml`.

https://huggingface.co/docs/hub/eval-results
"""

from typing import Any

from lingraft.floors import standings
from lingraft.pack.facts import Facts
from lingraft.resource.formats import FORMATS, TaskFormat, TaskKind

DATASETS: dict[TaskFormat, str] = {
    "xnli": "facebook/xnli",
    "paws-x": "google-research-datasets/paws-x",
    "mlqa": "facebook/mlqa",
    "squad": "rajpurkar/squad",
    "belebele": "facebook/belebele",
    "xcopa": "cambridgeltl/xcopa",
    "xstorycloze": "juletxara/xstory_cloze",
    "multiblimp": "jumelet/multiblimp",
    "sib-200": "Davlan/sib200",
    "massive": "AmazonScience/massive",
}
"""Formats that are named after a data set of the Hub. The files that were read are the user's."""
TAGS: dict[TaskKind, str] = {
    "classification": "text-classification",
    "pairs": "text-classification",
    "qa": "question-answering",
    "choice": "multiple-choice",
    "minimal-pairs": "text-generation",
    "instruction": "text-generation",
    "retrieval": "sentence-similarity",
    "ner": "token-classification",
    "pos": "token-classification",
}
"""The Hub's name of a kind of task."""
METRICS = {"macroF1": "f1", "exactMatch": "exact_match"}
"""The Hub's name of a metric, where it is not ours."""


def model_index(facts: Facts, name: str) -> list[dict[str, Any]]:
    """The scores for a card's front matter."""
    results: dict[str, dict[str, Any]] = {}
    for one in standings(facts.metrics):
        if one.value is None:
            continue
        format = facts.formats[one.task]
        entry = results.setdefault(
            one.task,
            {
                "task": {"type": TAGS[FORMATS[format].kind], "name": one.task},
                "dataset": {
                    "name": one.task,
                    "type": DATASETS.get(format, format),
                    "config": facts.pack.language,
                    "split": "test",
                },
                "metrics": [],
            },
        )
        metric = {"type": METRICS.get(one.metric, one.metric), "value": round(one.value, 4)}
        entry["metrics"].append(metric | {"name": one.metric})
    return [{"name": name, "results": list(results.values())}] if results else []


def eval_results(facts: Facts) -> list[dict[str, Any]]:
    """The first score of each task that is named after a data set of the Hub."""
    found: dict[str, dict[str, Any]] = {}
    for one in standings(facts.metrics):
        format = facts.formats[one.task]
        if one.value is None or one.task in found or format not in DATASETS:
            continue
        error = f" +- {one.stderr:.4f}" if one.stderr is not None else ""
        found[one.task] = {
            "dataset": {"id": DATASETS[format], "task_id": facts.pack.language},
            "value": round(one.value, 4),
            "date": facts.created_at,
            "notes": f"{one.metric}{error}, zero-shot, of the user's own copy of the test files",
        }
    return list(found.values())
