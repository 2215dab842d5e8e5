"""What makes a cell's numbers right: plain transformers gives them too."""

import json
import math
from pathlib import Path
from typing import Any

import torch
import transformers
from seqeval.metrics import accuracy_score, f1_score

from lingraft.stage import Manifest
from tests.matrix.corpora import DOCUMENTS
from tests.matrix.tasks import Task

AUTO = {
    "label": "AutoModelForSequenceClassification",
    "question": "AutoModelForQuestionAnswering",
    "choice": "AutoModelForMultipleChoice",
    "tags": "AutoModelForTokenClassification",
}


def check_corpus(manifest: Manifest) -> None:
    """All of the text was read, and nothing else, whatever its layout."""
    metrics = manifest.metrics
    assert metrics["documents"] == len(DOCUMENTS)
    assert metrics["paragraphs"] == sum(map(len, DOCUMENTS))
    assert metrics["duplicates"] == 0
    size = sum(len("\n".join(document).encode()) for document in DOCUMENTS)
    assert 0.9 * size < metrics["bytes"] < size
    assert metrics["heldoutRows"] > 0


def check_scores(manifest: Manifest, folder: Path, home: Path, task: Task) -> None:
    """The task's scores, and its model as anybody loads it.

    Args:
        manifest: Of the graft.
        folder: Its result.
        home: The task's model with the language in place, where there is one.
        task: Whose they are.
    """
    (found,) = manifest.metrics["evaluation"]
    assert found["examples"] == len(task.tests) and not found["warnings"]
    for metric, value in found["metrics"].items():
        assert 0 <= value["mean"] <= 1 and math.isfinite(value["mean"]), metric
    if task.kind == "retrieval":
        return
    auto: Any = getattr(transformers, AUTO[task.kind])
    model, info = auto.from_pretrained(home, output_loading_info=True, dtype=torch.float32)
    assert not any(info.values()), info
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(home)
    lines = (folder / "predictions" / "task-0.jsonl").read_text().splitlines()
    said = [json.loads(line)["prediction"] for line in lines]
    assert len(said) == len(task.tests)
    if task.kind == "tags":
        _check_tags(model, task, said, found)
        return
    if task.kind == "question":
        assert all(
            answer in context for answer, (context, _, _) in zip(said, task.tests, strict=True)
        )
        return
    scores = _scores_of_choices if task.kind == "choice" else _scores_of_labels
    right = 0
    for (first, second, label), answer in zip(task.tests, said, strict=True):
        with torch.no_grad():
            logits = scores(model.eval(), tokenizer, first, second)
        # Where two labels are as good as equal, rounding decides.
        names = model.config.id2label if task.kind == "label" else [str(i) for i in range(4)]
        best = {names[i] for i, value in enumerate(logits) if value >= logits.max() - 1e-3}
        assert answer in best, (first, answer, best)
        right += answer == label
    assert math.isclose(found["metrics"]["accuracy"]["mean"], right / len(said), abs_tol=1e-9)


def _check_tags(model: Any, task: Task, said: list[list[str]], found: dict[str, Any]) -> None:
    """Every word has a tag that the model knows; the scores are those of the predictions."""
    gold = [tags.split(" ") for _, _, tags in task.tests]
    assert [len(one) for one in said] == [len(one) for one in gold]
    assert {tag for one in said for tag in one} <= set(model.config.label2id)
    metric = "f1" if "f1" in found["metrics"] else "accuracy"
    wanted = {"f1": f1_score, "accuracy": accuracy_score}[metric](gold, said)
    assert math.isclose(found["metrics"][metric]["mean"], wanted, abs_tol=1e-9)


def _scores_of_labels(model: Any, tokenizer: Any, first: str, second: str | None) -> Any:
    """What the exported model says of a text, alone and unpadded."""
    batch = tokenizer(first, second, truncation=True, max_length=32, return_tensors="pt")
    return model(**batch).logits[0]


def _scores_of_choices(model: Any, tokenizer: Any, context: str, rest: str | None) -> Any:
    """What it says of each choice; only the context may be cut."""
    question, *choices = (rest or "").split("\n")
    batch = tokenizer(
        [context] * len(choices),
        [f"{question} {choice}" for choice in choices],
        truncation="only_first",
        padding=True,
        max_length=32,
        return_tensors="pt",
    )
    return model(**{name: value[None] for name, value in batch.items()}).logits[0]
