"""Step 3: fine-tune a task in the source language, token embeddings frozen.

Nothing here knows the target language: one fine-tuned body serves every language.
"""

import json
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.families import family_of
from lingraft.memory import WIDE, Held
from lingraft.params import FinetuneParams
from lingraft.plan.memory import Worker
from lingraft.plan.memory import finetune as memory_of_finetune
from lingraft.resource.formats import LOSSES
from lingraft.selection import CONFIG
from lingraft.stage import Compute, Result
from lingraft_trainer.machine.memory import memory_of_worker
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.checkpoint import load, load_lm, of_pooler
from lingraft_trainer.models.config import FIELD, read_config
from lingraft_trainer.models.family import AUTO, freeze_vocabulary, set_dropout
from lingraft_trainer.models.weights import dtype_of
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tasks.features import rows_of, tokens_of, with_padding
from lingraft_trainer.tasks.kinds import (
    TaskBatch,
    TaskKind,
    TaskObjective,
    batched_features,
    kind_of,
    pad,
    rows_at_once,
)
from lingraft_trainer.tasks.training_data import read_training, read_warnings, split
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.generation import stop_behind_answers
from lingraft_trainer.tokenization.swap import save_tokenizer
from lingraft_trainer.training.loop import Settings, Step, device_seconds, fit
from lingraft_trainer.training.masking import rows_of_step, share_of
from lingraft_trainer.training.sharded import agreed, save_whole, shard
from lingraft_trainer.training.state import Best

WARMUP_SHARE, WEIGHT_DECAY = 0.06, 0.01

log = logging.getLogger(__name__)


def finetune(ctx: StageContext) -> Result:
    """Writes the task model of the best epoch by source dev, with the base's own tokenizer."""
    params = FinetuneParams.model_validate(ctx.params)
    kind = kind_of(params.format)
    read = read_training(ctx.inputs, params)
    train, dev, labels = split(read, params, where=str(ctx.inputs["train"]))
    warnings = read_warnings(read)
    for warning in warnings if ctx.rank == 0 else []:
        log.warning("%s", warning)
    tokenizer = with_padding(load_base_tokenizer(ctx.inputs["base"]))
    torch.manual_seed(params.seed)  # the task's head is new
    apart = shared_out(ctx, params)
    model = load_task_model(ctx.inputs["base"], kind, labels, params.dropout, wide=not apart)
    if apart:
        shard(model, family_of(model.config.model_type), ctx.device)
    freeze_vocabulary(model)
    if family_of(model.config.model_type).causal:  # its head reads the last token before padding
        model.config.pad_token_id = tokenizer.pad_token_id

    data = TaskData(
        kind.encode(train, tokenizer, params.max_length, labels),
        tokenizer,
        params,
        micro_rows=rows_at_once(ctx.device, params.max_length, ctx.execution.micro_batch_tokens),
    )
    steps = params.epochs * data.steps_per_epoch
    best = Best()

    def after_step(done: int) -> None:
        if done % data.steps_per_epoch == 0:
            scores = kind.evaluate(model, tokenizer, dev, params.max_length, params.source_language)
            totals = scores.totals
            ctx.measured(done, {f"dev/{name}": score for name, score in totals.items()})
            score = totals[kind.selects_by] * (-1 if kind.selects_by in LOSSES else 1)
            best.offer(model, done // data.steps_per_epoch, score, totals)
            model.train()

    settings = Settings(
        steps=steps,
        learning_rate=params.learning_rate,
        warmup_steps=round(WARMUP_SHARE * steps),
        weight_decay=WEIGHT_DECAY,
        seed=params.seed,
        dropout=True,
        field="spec.tasks[].learningRate",
    )
    done = fit(
        ctx,
        TaskObjective(model, kind, params.max_length),
        data,
        settings,
        width=model.config.hidden_size,
        phase="fine-tuning",
        after_step=after_step,
        best=best,
    )
    best.restore(model)
    if params.answer_end:
        stop_behind_answers(model, tokenizer)
    if apart:
        save_whole(model, ctx.out, ctx.scratch, first=ctx.rank == 0)
    else:
        model.cpu().save_pretrained(ctx.out)
    save_tokenizer(tokenizer, ctx.out)
    flops = compute.finetune_step(
        shape_of_config(model.config.to_dict(), where="base"),
        tokens=done.tokens,
        sequence_length=round(done.tokens / max(1, params.epochs * data.rows)),
        told=done.count if kind.auto_class in AUTO.values() else 0,
    )
    return Result(
        metrics={
            "dev": best.scores,
            "bestEpoch": best.epoch,
            "labels": list(labels),
            "examples": len(train),
            "data": {name: one.to_json() for name, one in read.items()},
            "warnings": warnings,
            "finalLoss": done.final_loss,
            "curve": done.curve,
        },
        compute=Compute(
            flops=flops,
            tokens=done.tokens,
            seconds=done.seconds,
            device_seconds=device_seconds(done.seconds, ctx.world, ctx.device),
        ),
    )


def shared_out(ctx: StageContext, params: FinetuneParams) -> bool:
    """Whether one worker cannot hold it, by formula, so that they share it out."""
    if ctx.world == 1:
        return False
    config = json.loads((ctx.inputs["base"] / CONFIG).read_text())
    shape, gpu = shape_of_config(config, where=FIELD), ctx.device.type == "cuda"
    worker = Worker(ctx.execution.micro_batch_tokens, gpu=gpu)
    need = memory_of_finetune(params, Held(shape, shape.layers, WIDE, worker.device), worker)
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", ctx.world))
    return agreed(need.total > memory_of_worker(ctx.device, beside), ctx.device)


def load_task_model(
    path: Path, kind: TaskKind, labels: tuple[str, ...], dropout: float, *, wide: bool = True
) -> PreTrainedModel:
    """A base's body under a task's head: a new one, drawn from torch's generator, or its own.

    Args:
        path: Directory of the base's checkpoint.
        kind: Of the task.
        labels: Its labels.
        dropout: To train with.
        wide: Whether in fp32; else as the checkpoint has it, not copied out of its file.
    """
    if kind.auto_class in AUTO.values():
        return with_quick_layers(load_lm(path, dropout=dropout, frozen=not wide).model)
    config = read_config(path)
    family = family_of(config.model_type)
    set_dropout(config, family, dropout)
    for name, value in kind.config(labels).items():
        setattr(config, name, value)
    body = family.body
    model, _ = load(
        path,
        kind.auto_class,
        config,
        may_be_new=lambda name: not name.startswith(body) or of_pooler(name),
        dtype=dtype_of(path),  # in which a new head is drawn, whoever widens it
    )
    return with_quick_layers(model.float() if wide else model)


class TaskData:
    """Features as global batches, in a new order every epoch."""

    def __init__(
        self,
        features: list[dict[str, Any]],
        tokenizer: PreTrainedTokenizerBase,
        params: FinetuneParams,
        *,
        micro_rows: int,
    ) -> None:
        self.features = features
        self.tokenizer = tokenizer
        self.params = params
        self.micro_rows = micro_rows
        self.steps_per_epoch = math.ceil(len(features) / params.batch_size)
        self.rows = sum(len(rows_of(one)) for one in features)

    def __call__(self, step: int, rank: int, world: int) -> Step[TaskBatch]:
        """One worker's micro-batches of update `step`."""
        size, epoch = self.params.batch_size, step // self.steps_per_epoch
        order = rows_of_step(
            epoch, seed=self.params.seed, batch=len(self.features), rows=len(self.features)
        )
        within = step % self.steps_per_epoch
        rows = order[within * size : (within + 1) * size]
        mine, idle = share_of(len(rows), rank, world)
        own = [int(rows[i]) for i in mine]
        # The loss is a sum over the update: which rows are padded together changes no gradient.
        parts = batched_features([self.features[row] for row in own], self.micro_rows)
        return Step(
            micro_batches=[self._pad([own[i] for i in part]) for part in parts],
            first_sample=int(mine[0]),
            idle=idle,
            count=sum(self.features[int(i)].get("count", 1) for i in rows),
            tokens=sum(tokens_of(self.features[int(i)]) for i in rows),
        )

    def _pad(self, rows: Sequence[int]) -> TaskBatch:
        return pad([self.features[i] for i in rows], self.tokenizer, self.params.max_length)
