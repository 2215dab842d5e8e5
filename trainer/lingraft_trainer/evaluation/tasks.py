"""What a task's models score in the new language, beside what stands below and above it."""

from collections.abc import Sequence
from typing import Any

from transformers import AutoTokenizer, PreTrainedModel

from lingraft.families import family_of
from lingraft.formats import Collected, Purpose, TaskRow
from lingraft.params import GraftParams, GraftTask
from lingraft_trainer.evaluation.entries import (
    entry_of,
    label_counts,
    summarise,
    write_predictions,
)
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.checkpoint import load_body
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.models.readout import Readout, encoder_of, lowered
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tasks.features import with_padding
from lingraft_trainer.tasks.kinds import Scores, kind_of, label_names
from lingraft_trainer.tasks.retrieval import Reader, retrieval_scores
from lingraft_trainer.tasks.training_data import read_task
from lingraft_trainer.tokenization.base import load_base_tokenizer


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
            return kind.evaluate(
                model.to(roomy(ctx.device, model)), tokenizer, rows, task.max_length, language
            )

        test = ctx.inputs[f"test:{task.name}"]
        read["test"] = read_task(test, task, language, "test", labels)
        rows = read["test"].rows
        if (own := ctx.inputs.get(f"source_test:{task.name}")) is not None:
            read["sourceTest"] = read_task(own, task, source, "sourceTest", labels)
            runs["source"].append(scores(read["sourceTest"].rows, tokenizer, source))
        if params.snapshot is None:
            runs["untouched"].append(scores(rows, tokenizer, language))
        family = family_of(model.config.model_type)
        graft.into(model.cpu(), family)
        runs["target"].append(scores(rows, with_padding(graft.tokenizer), language))
        predictions = ctx.out / "predictions" / f"{task.name}-{seed}.jsonl"
        write_predictions(predictions, runs["target"][-1])
    return entry_of(task, read, runs) | {
        "sourceMetrics": summarise(runs["source"], read["sourceTest"].rows)
        if runs["source"]
        else None,
        "labels": label_counts(read["test"].rows, runs["target"]),
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
    return entry_of(task, {"test": read}, runs) | {"sourceMetrics": None, "labels": None}
