"""The numbers a user leaves out: the paper's and the reference recipe's."""

import math
from typing import NamedTuple

from lingraft import params, resource
from lingraft.architecture import Shape
from lingraft.resource.steps import MaskedLanguageModelling, Tokenizer
from lingraft.resource.tasks import QA_FORMATS, Task
from lingraft.stage import Source

HELDOUT_SHARE = 0.01
SOURCE_LANGUAGE = "en"
LONGEST_ROW = 512
WARMUP_SHARE = 0.08
EXAMPLE_LENGTH, QA_LENGTH = 128, 384
"""Tokens of an example; of a question with its paragraph as in SQuAD's usual settings."""
MAX_STEPS, MAX_EPOCHS = 125_000, 40
SNAPSHOT_FACTOR = 2**0.5
"""Between the updates of one snapshot and the next."""
# Plain text averages about four bytes a token.
BYTES_PER_TOKEN = 4


class MiniLayers(NamedTuple):
    """Layers of the mini-model."""

    copied: int
    """k: the base's bottom layers."""
    new: int
    """n: MiniPost's layers on top of them; 0 for the other methods."""


def mini_layers(spec: resource.LanguageAdaptationSpec, shape: Shape) -> MiniLayers:
    """Depth/3 layers of the base; MiniPost: depth/6 new ones too (the paper's 4 and 2 of 12)."""
    joint = spec.base.pretrain.joint_layers if spec.base.pretrain else None
    copied = spec.mini.layers or (joint if spec.method == "MiniJoint" else None)
    copied = copied or max(1, shape.layers // 3)
    if spec.method != "MiniPost":
        return MiniLayers(copied, 0)
    new = spec.mini.new_layers
    return MiniLayers(copied, max(1, shape.layers // 6) if new is None else new)


def sequence_length(choice: MaskedLanguageModelling, shape: Shape) -> int:
    """Tokens of one row: 512, or the base's positions if fewer."""
    return choice.sequence_length or min(LONGEST_ROW, shape.positions)


def finetune_length(task: Task, shape: Shape) -> int:
    """Tokens of one example in fine-tuning: of questions more, but no more than the base has.

    The embeddings' row length has no say: languages share fine-tuned models.
    """
    usual = QA_LENGTH if task.format in QA_FORMATS else EXAMPLE_LENGTH
    return task.max_length or min(usual, shape.positions)


def evaluation_length(task: Task, embeddings: MaskedLanguageModelling, shape: Shape) -> int:
    """Tokens of one example in evaluation: those of fine-tuning, as far as embeddings saw them."""
    return min(finetune_length(task, shape), sequence_length(embeddings, shape))


def masked_lm(
    choice: MaskedLanguageModelling, shape: Shape, steps: int, *, seed: int
) -> params.MaskedLm:
    """A masked-language-modelling run with nothing left open."""
    warmup = choice.warmup_steps
    return params.MaskedLm(
        steps=steps,
        batch_tokens=choice.batch_tokens,
        sequence_length=sequence_length(choice, shape),
        mask_probability=choice.mask_probability,
        learning_rate=choice.learning_rate,
        warmup_steps=round(WARMUP_SHARE * steps) if warmup is None else warmup,
        weight_decay=choice.weight_decay,
        dropout=choice.dropout,
        seed=seed,
    )


def tokenizer(choice: Tokenizer) -> params.TokenizerChoice:
    """The tokenizer of a corpus: the trained one's settings, or that it is an input."""
    if choice.train is None:
        return params.TokenizerChoice(source="uri")
    return params.TokenizerChoice(train=choice.train.type, vocab_size=choice.train.vocab_size)


def embed_steps(spec: resource.LanguageAdaptationSpec, corpus: Source) -> int:
    """Updates of step 2: min(125,000, 40 epochs), the epochs estimated from the text's bytes."""
    if spec.embeddings.steps is not None:
        return spec.embeddings.steps
    updates = MAX_EPOCHS * corpus.text_bytes / BYTES_PER_TOKEN / spec.embeddings.batch_tokens
    return max(1, min(MAX_STEPS, math.ceil(updates)))


def snapshot_steps(steps: int, count: int | None) -> tuple[int, ...] | None:
    """0 and `count` numbers of updates up to `steps`, each SNAPSHOT_FACTOR times the one before."""
    if count is None:
        return None
    return tuple(sorted({0, *(round(steps / SNAPSHOT_FACTOR**i) for i in range(count))}))
