"""What a task's models score in the new language, beside what stands below and above it.

Every score comes with its floors: what the most frequent answer would score, and what the source
language's model scores when it reads the new language as it is, through its own tokenizer.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedModel

from lingraft.families import family_of
from lingraft.formats import Choice, Collected, Purpose, Tagged, TaskRow, group_of, labels_in
from lingraft.params import GraftParams, GraftTask
from lingraft_trainer.context import StageContext
from lingraft_trainer.metrics import bootstrap_stderr, quotient_stderr
from lingraft_trainer.models.checkpoint import load_body
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.models.readout import Readout, encoder_of, lowered
from lingraft_trainer.tasks.classify import classification_totals
from lingraft_trainer.tasks.features import with_padding
from lingraft_trainer.tasks.kinds import Scores, kind_of, label_names
from lingraft_trainer.tasks.retrieval import Reader, retrieval_scores
from lingraft_trainer.tasks.tagging import Tagging, tagging_totals
from lingraft_trainer.tasks.training_data import read_task, read_warnings
from lingraft_trainer.tokenization.base import load_base_tokenizer

BOOTSTRAP_SEED = 0


def evaluate_finetuned(
    ctx: StageContext, graft: Graft, task: GraftTask, params: GraftParams
) -> dict[str, Any]:
    """A task's fine-tuned models: in their own language, untouched and grafted in the new one."""
    kind, language, source = kind_of(task.format), params.language, params.source_language
    auto: Any = kind.auto_class
    runs: dict[str, list[Scores]] = {"target": [], "untouched": [], "source": []}
    read: dict[Purpose, Collected] = {}
    for seed in task.seeds:
        path = ctx.inputs[f"finetune:{task.name}:{seed}"]
        model = auto.from_pretrained(path, use_safetensors=True, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(path)
        labels = label_names(model)

        def scores(
            rows: Sequence[TaskRow], tokenizer: Any, language: str, model: Any = model
        ) -> Scores:
            return kind.evaluate(model.to(ctx.device), tokenizer, rows, task.max_length, language)

        test = ctx.inputs[f"test:{task.name}"]
        read["test"] = read_task(test, task, language, "test", labels)
        rows = read["test"].rows
        if (own := ctx.inputs.get(f"source_test:{task.name}")) is not None:
            read["sourceTest"] = read_task(own, task, source, "sourceTest", labels)
            runs["source"].append(scores(read["sourceTest"].rows, tokenizer, source))
        if params.snapshot is None:
            runs["untouched"].append(scores(rows, tokenizer, language))
        graft.into(model.cpu(), family_of(model.config.model_type))
        runs["target"].append(scores(rows, with_padding(graft.tokenizer), language))
        if params.snapshot is None:
            graft.save(model.cpu(), ctx.out / "tasks" / f"{task.name}-{seed}")
        predictions = ctx.out / "predictions" / f"{task.name}-{seed}.jsonl"
        _write_predictions(predictions, runs["target"][-1])
    return _entry(task, read, runs) | {
        "sourceMetrics": summarise(runs["source"], read["sourceTest"].rows)
        if runs["source"]
        else None,
        "labels": _label_counts(read["test"].rows, runs["target"]),
    }


def evaluate_retrieval(
    ctx: StageContext, graft: Graft, body: PreTrainedModel, task: GraftTask, params: GraftParams
) -> dict[str, Any]:
    """Sentence retrieval: the grafted body's vectors against the base's own."""
    read = read_task(ctx.inputs[f"test:{task.name}"], task, params.language, "test")
    base: Any = load_body(ctx.inputs["base"])
    encoder = encoder_of(ctx.inputs["base"])
    readout = Readout(encoder, ctx.inputs["base"])
    words = load_base_tokenizer(ctx.inputs["base"])
    if encoder is not None and encoder.lower_case:
        words = lowered(words)
    source = Reader(base.to(ctx.device), words, readout)

    def scores(reader: Reader) -> Scores:
        return retrieval_scores(source, reader, read.rows, task.max_length)

    runs = {
        "target": [scores(Reader(body, graft.tokenizer, readout))],
        "untouched": [scores(source)] if params.snapshot is None else [],
    }
    return _entry(task, {"test": read}, runs) | {"sourceMetrics": None, "labels": None}


def _entry(
    task: GraftTask, read: Mapping[Purpose, Collected], runs: dict[str, list[Scores]]
) -> dict[str, Any]:
    rows = read["test"].rows
    metrics = summarise(runs["target"], rows)
    untouched = summarise(runs["untouched"], rows) if runs["untouched"] else {}
    majority = _majority(rows, task)
    return {
        "task": task.name,
        "format": task.format,
        "examples": len(rows),
        "rows": sum(len(row.choices) if isinstance(row, Choice) else 1 for row in rows),
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
    return classification_totals(gold, [most] * len(gold))


def _labels(rows: Sequence[TaskRow]) -> list[str]:
    """Each row's labels, of choices the right one's number; none of other kinds."""
    return [
        label
        for row in rows
        for label in ((row.label,) if isinstance(row, Choice) else labels_in(row))
    ]


def _label_counts(rows: Sequence[TaskRow], runs: Sequence[Scores]) -> dict[str, Any] | None:
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


def _write_predictions(path: Path, scores: Scores) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(one, ensure_ascii=False) for one in scores.predictions)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
