"""What each stage of a plan has a worker hold, in bytes by formula. Pure."""

from typing import NamedTuple

from lingraft import memory
from lingraft.memory import WIDE, Held, Memory
from lingraft.params import (
    CorpusParams,
    EmbedParams,
    FinetuneParams,
    GraftParams,
    LmTraining,
    MiniParams,
    PretrainParams,
)
from lingraft.plan.model import Plan, PlannedStage
from lingraft.stage import Execution, Stage

HALF = 2
"""Bytes of a number in bf16 or fp16."""


class Worker(NamedTuple):
    """What a stage's bytes hang on beside its recipe."""

    micro_batch_tokens: int = Execution().micro_batch_tokens
    gpu: bool = False

    @property
    def device(self) -> str:
        """As the formulas call it."""
        return "gpu" if self.gpu else "cpu"


def memory_by_stage(plan: Plan, worker: Worker = Worker()) -> dict[str, Memory]:  # noqa: B008
    """By a stage's name; a corpus has no model, and is not among them."""
    found = {one.name: memory_of(plan, one, worker) for one in plan.stages}
    return {name: one for name, one in found.items() if one is not None}


def memory_of(plan: Plan, planned: PlannedStage, worker: Worker) -> Memory | None:
    """The bytes of one stage; None of one without a model."""
    base = Held(plan.shape, plan.shape.layers, width_of(plan), worker.device)
    stage = planned.stage
    match stage.kind:
        case "pretrain":
            return _pretrain(stage, base, worker)
        case "mini":
            return _mini(stage, base, worker)
        case "embed":
            return _embed(plan, stage, base, worker)
        case "finetune":
            return finetune(FinetuneParams.model_validate(stage.params), base, worker)
        case "graft":
            return _graft(plan, stage, base)
        case "corpus" | "publish":
            return None


def width_of(plan: Plan) -> int:
    """Bytes of a number in the base's checkpoint, by its size; one in GGUF becomes fp32."""
    base = next((one for one in plan.sources if one.reads == "checkpoint"), None)
    numbers = memory.parameters(plan.shape)
    if base is None or base.objects == 1:  # a checkpoint has at least config.json beside it
        return WIDE
    return HALF if base.bytes < (HALF + WIDE) / 2 * numbers else WIDE


def finetune(params: FinetuneParams, base: Held, worker: Worker) -> Memory:
    """Fine-tuning of the whole body; the best epoch's weights are kept beside it."""
    length = params.max_length
    return memory.train(
        base._replace(width=WIDE),
        trained=base.layers,
        heads=0,
        tokens=memory.at_once(
            worker.micro_batch_tokens, length, params.batch_size * length, worker.device
        ),
        told=0.0,
        kept=1,
    )


def _pretrain(stage: Stage, base: Held, worker: Worker) -> Memory:
    params = PretrainParams.model_validate(stage.params)
    return memory.train(
        base._replace(width=WIDE),
        trained=base.layers,
        heads=1 if params.joint_layers is None else 2,
        tokens=_tokens(params.training, worker),
        told=params.training.told,
    )


def _mini(stage: Stage, base: Held, worker: Worker) -> Memory:
    params = MiniParams.model_validate(stage.params)
    depth = params.layers + params.new_layers
    rows = WIDE * memory.token_weights(base.shape, base.shape.vocabulary)
    if params.training is not None:
        return memory.train(
            base._replace(layers=depth),
            trained=params.new_layers,
            heads=1,
            tokens=_tokens(params.training, worker),
            told=params.training.told,
        )
    if params.bridge is None:
        joint = params.method == "MiniJoint"
        layers = depth * memory.layer_weights(base.shape) * WIDE if joint else 0
        return Memory(weights=rows + layers)
    # The sums that it is solved from, in fp64, and the mini-model's own rows.
    beside = 6 * 8 * base.shape.hidden**2 + rows
    longest = min(512, base.shape.positions)
    return memory.read(
        base, vocabulary=base.shape.vocabulary, sequence_length=longest, beside=beside
    )


def _embed(plan: Plan, stage: Stage, base: Held, worker: Worker) -> Memory:
    params = EmbedParams.model_validate(stage.params)
    model = base
    if params.method != "Standard":
        mini = MiniParams.model_validate(plan["mini"].stage.params)
        as_it_is = mini.training is None and mini.method == "MiniPost"
        width = base.width if as_it_is else WIDE
        model = base._replace(layers=mini.layers + mini.new_layers, width=width)
    return memory.embed(
        model,
        vocabulary=vocabulary_of(plan),
        tokens=_tokens(params.training, worker),
        told=params.training.told,
        sequence_length=params.training.sequence_length,
    )


def _graft(plan: Plan, stage: Stage, base: Held) -> Memory:
    params, shape = GraftParams.model_validate(stage.params), base.shape
    rows = vocabulary_of(plan)
    beside = 2 * WIDE * memory.token_weights(shape, rows)  # what was learned, and the start
    if any(task.seeds for task in params.tasks):
        beside += WIDE * shape.vocabulary * shape.hidden
        # A fine-tuned body is rounded to the base's type; of one in fp32 it stays in its file.
        beside += base.layers * memory.layer_weights(shape) * base.width if base.width < WIDE else 0
    training = EmbedParams.model_validate(plan["embed"].stage.params).training
    return memory.read(
        base, vocabulary=rows, sequence_length=training.sequence_length, beside=beside
    )


def vocabulary_of(plan: Plan) -> int:
    """Rows of the new vocabulary; one that is loaded is taken to be as large as the base's."""
    corpus = CorpusParams.model_validate(plan["corpus"].stage.params)
    return corpus.tokenizer.vocab_size or plan.shape.vocabulary


def _tokens(run: LmTraining, worker: Worker) -> int:
    return memory.at_once(
        worker.micro_batch_tokens,
        run.sequence_length,
        run.batch_rows * run.sequence_length,
        worker.device,
    )
