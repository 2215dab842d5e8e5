"""What models that were tuned to answer say to the first prompts of their test, as it is."""

from functools import partial
from typing import Any

from lingraft.formats import Instruction
from lingraft.params import GraftParams, GraftTask
from lingraft_trainer.evaluation.samples import sampled
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tasks.instruct import asked_in_tokens
from lingraft_trainer.tasks.training_data import read_task
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.generation import carry_ids, stop_behind_answers

ANSWERS = 2
"""Prompts of a test that are answered."""


def answers(
    ctx: StageContext, graft: Graft, task: GraftTask, params: GraftParams
) -> list[dict[str, Any]]:
    """As `samples.json` has them: of the first seed, through the chat template if there is one."""
    read = read_task(ctx.inputs[f"test:{task.name}"], task, params.language, "test")
    rows = [row for row in read.rows[:ANSWERS] if isinstance(row, Instruction)]
    loaded = load_lm(ctx.inputs[f"finetune:{task.name}:{task.seeds[0]}"], frozen=True)
    prompts = [f"{task.name}: {row.turns[-1].content}" for row in rows]
    samples = sampled(ctx, loaded, prompts, partial(asked_in_tokens, rows), params)
    model: Any = loaded.model
    graft.into(model.cpu(), loaded.family)
    base = ctx.inputs["base"]
    carry_ids(model, base, load_base_tokenizer(base), graft.tokenizer)
    stop_behind_answers(model, graft.tokenizer)
    return samples.beside(model.to(roomy(ctx.device, model)).eval(), graft.tokenizer)
