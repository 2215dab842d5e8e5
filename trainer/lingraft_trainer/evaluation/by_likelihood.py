"""Tasks that a causal base does without training: by how likely it finds each choice.

The untouched base reads the new language through its own tokenizer, which is the floor, and its own
language, which is what transfer is measured against. It is scored first, for the graft is made in
the same model: two would not fit where one does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.formats import Collected, Purpose, TaskRow
from lingraft.params import GraftParams, GraftTask
from lingraft_trainer.evaluation.entries import (
    entry_of,
    label_counts,
    summarise,
    write_predictions,
)
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.checkpoint import LoadedModel, load_lm
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tasks.chosen import score_choices
from lingraft_trainer.tasks.features import with_padding
from lingraft_trainer.tasks.kinds import Scores
from lingraft_trainer.tasks.training_data import read_task
from lingraft_trainer.tokenization.base import load_base_tokenizer


@dataclass(frozen=True)
class Untouched:
    """What the base scores as it is; None where nothing is asked for.

    Attributes:
        target: In the new language.
        source: In its own.
    """

    target: Scores | None = None
    source: Scores | None = None


def _read(ctx: StageContext, task: GraftTask, params: GraftParams) -> dict[Purpose, Collected]:
    path, own = ctx.inputs[f"test:{task.name}"], ctx.inputs.get(f"source_test:{task.name}")
    found: dict[Purpose, Collected] = {"test": read_task(path, task, params.language, "test")}
    if own is not None:
        found["sourceTest"] = read_task(own, task, params.source_language, "sourceTest")
    return found


def score_untouched(
    ctx: StageContext, loaded: LoadedModel, task: GraftTask, params: GraftParams
) -> Untouched:
    """Score a base before the graft is made in it; of a snapshot in its own language alone.

    Args:
        ctx: Of the stage.
        loaded: The base as its checkpoint has it.
        task: A task by log-likelihood.
        params: Of the stage.
    """
    tokenizer = with_padding(load_base_tokenizer(ctx.inputs["base"]))
    read = _read(ctx, task, params)
    model: Any = loaded.model

    def scores(rows: Sequence[TaskRow]) -> Scores:
        placed = model.to(roomy(ctx.device, model))
        return score_choices(placed, loaded.family, tokenizer, rows, task.max_length)

    own = read.get("sourceTest")
    return Untouched(
        target=scores(read["test"].rows) if params.snapshot is None else None,
        source=None if own is None else scores(own.rows),
    )


def evaluate_by_likelihood(
    ctx: StageContext,
    graft: Graft,
    loaded: LoadedModel,
    task: GraftTask,
    params: GraftParams,
    untouched: Untouched,
) -> dict[str, Any]:
    """A task's entry: the grafted base, beside what it scored before, and the `tokens` it read."""
    found = _score_graft(ctx, graft, loaded, task, params)
    write_predictions(ctx.out / "predictions" / f"{task.name}.jsonl", found)
    return _entry(task, _read(ctx, task, params), [found], [untouched])


def evaluate_tuned(
    ctx: StageContext, graft: Graft, task: GraftTask, params: GraftParams, tuned: GraftTask
) -> dict[str, Any]:
    """The same of the models that were tuned to answer: `task (tuned)`."""
    found: list[Scores] = []
    before: list[Untouched] = []
    for seed in tuned.seeds:
        loaded = load_lm(ctx.inputs[f"finetune:{tuned.name}:{seed}"], frozen=True)
        before.append(score_untouched(ctx, loaded, task, params))
        placed: Any = loaded.model
        graft.into(placed.cpu(), loaded.family)
        found.append(_score_graft(ctx, graft, loaded, task, params))
        name = f"{task.name}-{tuned.name}-{seed}.jsonl"
        write_predictions(ctx.out / "predictions" / name, found[-1])
    named = task.model_copy(update={"name": f"{task.name} ({tuned.name})"})
    return _entry(named, _read(ctx, task, params), found, before)


def _score_graft(
    ctx: StageContext, graft: Graft, loaded: LoadedModel, task: GraftTask, params: GraftParams
) -> Scores:
    placed: Any = loaded.model
    rows = _read(ctx, task, params)["test"].rows
    tokenizer = with_padding(graft.tokenizer)
    placed = placed.to(roomy(ctx.device, placed))
    return score_choices(placed, loaded.family, tokenizer, rows, task.max_length)


def _entry(
    task: GraftTask,
    read: Mapping[Purpose, Collected],
    found: Sequence[Scores],
    before: Sequence[Untouched],
) -> dict[str, Any]:
    runs = {
        "target": list(found),
        "untouched": [one.target for one in before if one.target is not None],
    }
    sources = [one.source for one in before if one.source is not None]
    return entry_of(task, read, runs) | {
        "sourceMetrics": summarise(sources, read["sourceTest"].rows) if sources else None,
        "labels": label_counts(read["test"].rows, found),
        "tokens": sum(one.tokens or 0 for one in found),
    }
