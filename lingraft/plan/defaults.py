"""Every number that a user may leave out, resolved: the user's, or what the rules say."""

from collections.abc import Mapping
from typing import NamedTuple

from lingraft import params, resource
from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.plan import scale
from lingraft.resource.formats import FORMATS
from lingraft.resource.steps import LanguageModelling, Tokenizer
from lingraft.resource.tasks import Task
from lingraft.selection import Reading
from lingraft.stage import Source

HELDOUT_SHARE = 0.01
MASKED = 0.15
LONGEST_ROW = 512
WARMUP_SHARE = 0.08
SNAPSHOT_FACTOR = 2**0.5
"""Between the updates of one snapshot and the next."""


class MiniLayers(NamedTuple):
    """Layers of the mini-model."""

    copied: int
    """k: the base's bottom layers."""
    new: int
    """n: MiniPost's layers on top of them; 0 for the other methods."""


class Trainings(NamedTuple):
    """The language-modelling runs of a plan; None where the plan has no such step."""

    pretrain: params.LmTraining | None
    mini: params.LmTraining | None
    embeddings: params.LmTraining


def mini_layers(spec: resource.LanguageAdaptationSpec, shape: Shape) -> MiniLayers:
    """Depth/3 layers of the base; MiniPost: depth/6 new ones too (the paper's 4 and 2 of 12)."""
    joint = spec.base.pretrain.joint_layers if spec.base.pretrain else None
    copied = spec.mini.layers or (joint if spec.method == "MiniJoint" else None)
    copied = copied or max(1, shape.layers // 3)
    if spec.method != "MiniPost":
        return MiniLayers(copied, 0)
    new = spec.mini.new_layers
    return MiniLayers(copied, max(1, shape.layers // 6) if new is None else new)


def bridge_of(spec: resource.LanguageAdaptationSpec, shape: Shape) -> params.Bridge | None:
    """The bridge below layers that are the base's topmost, where there is text to fit it on."""
    if spec.method != "MiniPost" or spec.mini.steps != 0 or spec.mini.text is None:
        return None
    tokens = scale.bridge_tokens(shape.hidden)
    return params.Bridge(tokens=tokens, mask_probability=mask_probability(spec.mini, shape))


def sequence_length(choice: LanguageModelling, shape: Shape) -> int:
    """Tokens of one row: 512, or the base's positions if fewer."""
    return choice.sequence_length or min(LONGEST_ROW, shape.positions)


def mask_probability(choice: LanguageModelling, shape: Shape) -> float | None:
    """Share of the tokens that are masked and told; None for a causal base, which tells each."""
    return None if shape.family.causal else choice.mask_probability or MASKED


def by_likelihood(task: Task, shape: Shape) -> bool:
    """Whether a base does a task by log-likelihood, without training."""
    kind = FORMATS[task.format].kind
    return shape.family.causal and kind in ("choice", "minimal-pairs")


def reads_beyond_rows(task: Task, shape: Shape) -> bool:
    """Whether a task's texts may be longer than the rows that the embeddings are trained in.

    A causal base's own tokenizer may need many more tokens than the new one, and is scored too.
    """
    return by_likelihood(task, shape) or FORMATS[task.format].kind == "instruction"


def finetune_length(task: Task, shape: Shape) -> int:
    """Tokens of one example in fine-tuning: with a passage more, but no more than the base has.

    The embeddings' row length has no say: languages share fine-tuned models.
    """
    return task.max_length or min(FORMATS[task.format].length, shape.positions)


def evaluation_length(task: Task, embeddings: LanguageModelling, shape: Shape) -> int:
    """Tokens of one example in evaluation: those of fine-tuning, as far as embeddings saw them.

    By log-likelihood all that the base has positions for.
    """
    if by_likelihood(task, shape):
        return task.max_length or shape.positions
    if reads_beyond_rows(task, shape):
        return finetune_length(task, shape)
    return min(finetune_length(task, shape), sequence_length(embeddings, shape))


def trainings(
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    layers: MiniLayers,
    sources: Mapping[Reading, Source],
) -> Trainings:
    """Every run with nothing left open.

    What languages share, `pretrain` and `mini`, reads its own text and the base alone.
    """
    pretrain, mini = None, None
    if (choice := spec.base.pretrain) is not None:
        wanted = scale.tokens(sources[Reading(choice.text.uri, "text")].text_bytes)
        pretrain = _training(choice, shape, wanted, layers_train=True)
    if spec.method == "MiniPost" and spec.mini.text is not None and spec.mini.steps != 0:
        text_bytes = sources[Reading(spec.mini.text.uri, "text")].text_bytes
        wanted = scale.mini_tokens(text_bytes, shape, layers.new)
        mini = _training(spec.mini, shape, wanted, layers_train=True)
    wanted = scale.tokens(sources[Reading(spec.corpus.uri, "text")].text_bytes)
    embeddings = _training(spec.embeddings, shape, wanted, layers_train=False, seed=spec.seed)
    return Trainings(pretrain, mini, embeddings)


def _training(
    choice: LanguageModelling,
    shape: Shape,
    wanted: float,
    *,
    layers_train: bool,
    seed: int = 0,
) -> params.LmTraining:
    length = sequence_length(choice, shape)
    batch = choice.batch_tokens or scale.batch_tokens(wanted, length)
    steps = choice.steps or scale.updates(wanted, batch)
    rate = scale.layers_rate(shape.hidden, batch) if layers_train else scale.rows_rate(shape.hidden)
    warmup = choice.warmup_steps
    return params.LmTraining(
        steps=steps,
        batch_tokens=batch,
        sequence_length=length,
        mask_probability=mask_probability(choice, shape),
        learning_rate=choice.learning_rate or rate,
        warmup_steps=round(WARMUP_SHARE * steps) if warmup is None else warmup,
        weight_decay=choice.weight_decay,
        dropout=choice.dropout,
        seed=seed,
    )


def tokenizer(
    choice: Tokenizer, text: Source, language: str | None, *, causal: bool = False
) -> params.TokenizerChoice:
    """The tokenizer of a corpus: the trained one's settings, or that it is an input.

    Raises:
        UserError: A unigram one is asked for, and the base is causal.
    """
    if choice.train is None:
        return params.TokenizerChoice(source="uri")
    size = choice.train.vocab_size or scale.vocabulary(text.text_bytes, language)
    kind = choice.train.type or ("bpe" if causal else "unigram")
    if not causal:
        return params.TokenizerChoice(train=kind, vocab_size=size)
    if kind != "bpe":
        raise UserError(
            "is unigram, but the base is causal, and its tokenizer's rules are of BPE: leave it "
            "out",
            where="spec.tokenizer.train.type",
        )
    return params.TokenizerChoice(train=kind, vocab_size=scale.rounded_up(size))


def calibrates(spec: resource.LanguageAdaptationSpec, shape: Shape) -> bool:
    """Whether the start is fitted to the text's frequencies: that of a causal base's top is."""
    asked = spec.embeddings.calibrate
    return (shape.family.causal and spec.method == "Standard") if asked is None else asked


def snapshot_steps(steps: int, count: int | None) -> tuple[int, ...] | None:
    """0 and `count` numbers of updates up to `steps`, each SNAPSHOT_FACTOR times the one before."""
    if count is None:
        return None
    return tuple(sorted({0, *(round(steps / SNAPSHOT_FACTOR**i) for i in range(count))}))
