"""Step 4: put the learned embeddings into the full model and its task models, and evaluate.

Writes ordinary checkpoints: `model/` (the full model in the new language), one directory
per fine-tuned task and seed under `tasks/`, the predictions, and `evaluation.json`. A
grafted checkpoint reads the new language only.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from lingraft import compute
from lingraft.architecture import Shape, shape_of_config
from lingraft.formats import Collected, Purpose, TaskRow, group_of
from lingraft.params import EmbedParams, GraftParams, GraftTask
from lingraft.stage import Compute, Manifest, Progress, Result
from lingraft_trainer.context import StageContext
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.metrics import bootstrap_stderr
from lingraft_trainer.models.checkpoint import load_masked_lm
from lingraft_trainer.models.family import Family, replace_vocabulary
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.snapshots import snapshot_file
from lingraft_trainer.tasks.kinds import Scores, kind_of, label_names
from lingraft_trainer.tasks.retrieval import retrieval_scores
from lingraft_trainer.tasks.training_data import read_task, read_warnings
from lingraft_trainer.tokenization.swap import save_tokenizer
from lingraft_trainer.training.loop import device_seconds
from lingraft_trainer.training.mlm import heldout_score

BOOTSTRAP_SEED = 0
SOURCE_LANGUAGE = "en"


class Graft:
    """The learned embeddings, ready to be put into models of their base."""

    def __init__(self, ctx: StageContext, snapshot: int | None = None) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
        self.kept = snapshot is None
        file = EMBEDDINGS if snapshot is None else snapshot_file(snapshot)
        learned = load_file(ctx.inputs["embed"] / file)
        self.weight, self.bias = learned["weight"], learned["bias"]

    def into(self, model: PreTrainedModel, family: Family) -> None:
        """Give a model the new vocabulary, in place."""
        replace_vocabulary(model, family, self.weight, self.tokenizer.pad_token_id, self.bias)
        for role in ("pad", "bos", "eos"):
            number = getattr(self.tokenizer, f"{role}_token_id")
            setattr(model.config, f"{role}_token_id", number)

    def save(self, model: PreTrainedModel, out: Path) -> None:
        """Write the model with the new language's tokenizer beside it; not of a snapshot."""
        if not self.kept:
            return
        model.save_pretrained(out)
        save_tokenizer(self.tokenizer, out)


def graft(ctx: StageContext) -> Result:
    """Graft and evaluate."""
    params = GraftParams.model_validate(ctx.params)
    started = time.perf_counter()
    graft = Graft(ctx, params.snapshot)
    steps = 1 + len(params.tasks)
    ctx.report(Progress(step=0, steps=steps, phase="grafting the full model"))
    body, family, metrics = _full_model(ctx, graft)

    evaluation: list[dict[str, Any]] = []
    tokens = 0
    for i, task in enumerate(params.tasks):
        ctx.report(Progress(step=1 + i, steps=steps, phase=f"evaluating {task.name}"))
        if task.seeds:
            found = _finetuned(ctx, graft, family, task, params.language)
        else:
            found = _retrieval(ctx, graft, body, task, params.language)
        evaluation.append(found)
        tokens += found["examples"] * task.max_length * max(1, len(task.seeds))
    ctx.report(Progress(step=steps, steps=steps, phase="done"))

    (ctx.out / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    seconds = time.perf_counter() - started
    shape = shape_of_config(body.config.to_dict(), where="base")
    metrics["evaluation"] = evaluation
    said = [f"{one['task']}: {warning}" for one in evaluation for warning in one["warnings"]]
    metrics["warnings"] = said
    if params.snapshot is None:  # what the whole of step 2 cost says nothing about a part of it
        metrics["compute"] = comparison(ctx.ancestors(), shape)
    return Result(
        metrics=metrics,
        compute=Compute(
            # Test examples at their longest; the source's own tests are left out. Small beside
            # the training stages.
            flops=compute.forward_pass(shape, tokens=tokens, sequence_length=128),
            tokens=tokens,
            seconds=seconds,
            device_seconds=device_seconds(seconds, 1, ctx.device),
        ),
    )


def comparison(ancestors: dict[str, Manifest], shape: Shape) -> dict[str, Any]:
    """What step 2 cost beside Standard's, saying which figures are measured.

    Standard's are computed for the same tokens: that is compute saved per step, not a
    speed-up, which only a Standard run to equal quality could show.
    """
    by_kind = {manifest.stage.kind: manifest for manifest in ancestors.values()}
    embed, mini = by_kind["embed"], by_kind.get("mini")
    params = EmbedParams.model_validate(embed.stage.params)
    standard = compute.embed_step(
        shape,
        layers=shape.layers,
        vocabulary=int(embed.metrics["vocabulary"]),
        tokens=embed.compute.tokens,
        masked=embed.metrics["maskedTokens"],
        sequence_length=params.training.sequence_length,
    )
    return {
        "embedFlops": embed.compute.flops,
        "standardFlops": standard,
        "savedPerStep": standard / embed.compute.flops,
        "oneTimeFlops": mini.compute.flops if mini else 0.0,
        "measuredSeconds": embed.compute.seconds,
        "measuredDeviceSeconds": embed.compute.device_seconds,
        "measured": ["measuredSeconds", "measuredDeviceSeconds"],
        "computed": ["embedFlops", "standardFlops", "savedPerStep", "oneTimeFlops"],
    }


def _full_model(ctx: StageContext, graft: Graft) -> tuple[PreTrainedModel, Family, dict[str, Any]]:
    """Graft and save the full model; score held-out text where there is a masked-LM head."""
    loaded = load_masked_lm(ctx.inputs["base"])
    family = loaded.family
    model: Any = loaded.model
    graft.into(model, family)
    if not loaded.has_head:
        body: Any = AutoModel.from_pretrained(
            ctx.inputs["base"], use_safetensors=True, local_files_only=True, dtype=torch.float32
        )
        graft.into(body, family)
        graft.save(body, ctx.out / "model")
        return body.to(ctx.device), family, {"heldout": None}
    graft.save(model, ctx.out / "model")
    text = PackedText(ctx.inputs["corpus"] / "heldout")
    score = heldout_score(model.to(ctx.device).eval(), family, text)
    heldout = {"maskedLmLoss": score.loss, "bitsPerByte": score.bits_per_byte}
    body = model.base_model
    return body.to(ctx.device), family, {"heldout": heldout}


def _finetuned(
    ctx: StageContext, graft: Graft, family: Family, task: GraftTask, language: str
) -> dict[str, Any]:
    """Evaluate a task's fine-tuned models: in their own language, then grafted in the new one."""
    kind = kind_of(task.format)
    target: list[Scores] = []
    source: list[Scores] = []
    read: dict[Purpose, Collected] = {}
    for seed in task.seeds:
        path = ctx.inputs[f"finetune:{task.name}:{seed}"]
        auto: Any = kind.auto_class
        model = auto.from_pretrained(path, use_safetensors=True, local_files_only=True)
        model.to(ctx.device)
        labels = label_names(model)
        read["test"] = read_task(ctx.inputs[f"test:{task.name}"], task, language, "test", labels)
        if (own := ctx.inputs.get(f"source_test:{task.name}")) is not None:
            read["sourceTest"] = read_task(own, task, SOURCE_LANGUAGE, "sourceTest", labels)
            source.append(
                kind.evaluate(
                    model,
                    AutoTokenizer.from_pretrained(path),
                    read["sourceTest"].rows,
                    task.max_length,
                    SOURCE_LANGUAGE,
                )
            )
        graft.into(model.cpu(), family)
        scores = kind.evaluate(
            model.to(ctx.device), graft.tokenizer, read["test"].rows, task.max_length, language
        )
        target.append(scores)
        graft.save(model.cpu(), ctx.out / "tasks" / f"{task.name}-{seed}")
        _write_predictions(ctx.out / "predictions" / f"{task.name}-{seed}.jsonl", scores)
    return {
        "task": task.name,
        "format": task.format,
        "examples": len(read["test"].rows),
        "metrics": summarise(target, read["test"].rows),
        "sourceMetrics": summarise(source, read["sourceTest"].rows) if source else None,
        **_said_of(read),
    }


def _retrieval(
    ctx: StageContext, graft: Graft, body: PreTrainedModel, task: GraftTask, language: str
) -> dict[str, Any]:
    """Sentence retrieval: the grafted body's vectors against the base's own."""
    read = read_task(ctx.inputs[f"test:{task.name}"], task, language, "test")
    base: Any = AutoModel.from_pretrained(
        ctx.inputs["base"], use_safetensors=True, local_files_only=True, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(ctx.inputs["base"])
    scores = retrieval_scores(
        base.to(ctx.device), tokenizer, body, graft.tokenizer, read.rows, task.max_length
    )
    return {
        "task": task.name,
        "format": task.format,
        "examples": len(read.rows),
        "metrics": summarise([scores], read.rows),
        "sourceMetrics": None,
        **_said_of({"test": read}),
    }


def _said_of(read: Mapping[Purpose, Collected]) -> dict[str, Any]:
    """Which files were read, and what was left out of them."""
    data = {purpose: one.to_json() for purpose, one in read.items()}
    return {"data": data, "warnings": read_warnings(read)}


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
    return summary


def _write_predictions(path: Path, scores: Scores) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(one, ensure_ascii=False) for one in scores.predictions)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
