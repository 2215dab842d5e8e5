"""A rival of step 2: new embeddings learn from what attention does in the base, then as Standard.

The teacher is the base in its own tokens, the student the same base in the new ones, both through
their bottom layers alone. No masked word is told here, so no head is read and none learns.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from bench.rivals.influence import attention_outputs, batch_of, influence_loss
from bench.rivals.segments import Read, read_by_both
from lingraft import compute
from lingraft.architecture import Shape
from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import embeddings, encoder_layers
from lingraft_trainer.training.masking import rows_of_step
from lingraft_trainer.training.schedule import learning_rate

PIECE = 64
"""Tokens of the new vocabulary in one text; in the base's own it has more, and must fit too."""
WARMUP = 0.1
"""Share of the updates."""


@dataclass(frozen=True)
class Settings:
    """How to distil.

    Attributes:
        flops: To spend, by formula: the teacher's passes and the student's.
        rate: Peak learning rate of Adam.
        rows: Packed rows whose text one update reads.
        layers: Through how many layers, from the bottom.
        seed: Of the order of the rows.
    """

    flops: float
    rate: float
    rows: int
    layers: int
    seed: int


def distil(
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    family: Family,
    shape: Shape,
    tokenizers: tuple[Tokenizer, Tokenizer],
    text: PackedText,
    settings: Settings,
) -> list[tuple[float, float]]:
    """Train the student's token embeddings, in place, until the FLOPs are spent.

    Args:
        teacher: The base.
        student: The base with the new vocabulary at its start; the embeddings alone may train.
        family: Of both.
        shape: Of both.
        tokenizers: The teacher's and the student's.
        text: Packed, in the student's tokens.
        settings: How.

    Returns:
        FLOPs spent and the loss, after every update.
    """
    weight = embeddings(student).weight
    optimizer = torch.optim.AdamW([weight], lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.0)
    most = min(shape.positions, text.sequence_length) - 2
    batches = _batches(tokenizers, text, settings, most)
    done: list[tuple[float, float]] = []
    spent, steps = 0.0, 1
    models = (teacher, student)
    with ExitStack() as open_:
        bottoms = [
            open_.enter_context(bottom_layers(one, family, settings.layers)) for one in models
        ]
        while spent < settings.flops:
            reads = next(batches)
            spent += flops_of(shape, settings.layers, reads)
            if not done:
                steps = max(1, round(settings.flops / spent))
            now, warmup = min(len(done), steps - 1), round(WARMUP * steps)
            rate = learning_rate(now, peak=settings.rate, warmup=warmup, steps=steps)
            optimizer.param_groups[0]["lr"] = rate
            outputs: list[list[Tensor]] = []
            segments: list[Tensor] = []
            for model, layers, tokenizer, mine in zip(
                models, bottoms, tokenizers, reads, strict=True
            ):
                ids, mask, stretches = batch_of(mine, *_frame(tokenizer))
                body: Any = model.base_model
                learns = model is student
                with torch.set_grad_enabled(learns), attention_outputs(layers) as found:
                    body(input_ids=ids, attention_mask=mask)
                outputs.append(found)
                segments.append(stretches)
            loss = influence_loss(outputs[1], outputs[0], segments[1], segments[0])
            loss.backward()
            torch.nn.utils.clip_grad_norm_([weight], 1.0)
            optimizer.step()
            optimizer.zero_grad()
            done.append((spent, float(loss.detach())))
    return done


@contextmanager
def bottom_layers(model: PreTrainedModel, family: Family, count: int) -> Iterator[list[nn.Module]]:
    """Leaves a model its bottom layers alone, for as long as it is open."""
    path, _, name = family.layers.rstrip(".").rpartition(".")
    parent, whole = model.get_submodule(path), encoder_layers(model, family)
    kept = list(whole)[:count]
    setattr(parent, name, nn.ModuleList(kept))
    try:
        yield kept
    finally:
        setattr(parent, name, whole)


def _frame(tokenizer: Tokenizer) -> tuple[int, int, int]:
    encoded: Any = tokenizer("")
    before, behind = encoded["input_ids"]
    pad = tokenizer.pad_token_id
    assert isinstance(pad, int)
    return before, behind, pad


def _batches(
    tokenizers: tuple[Tokenizer, Tokenizer], text: PackedText, settings: Settings, most: int
) -> Iterator[tuple[list[Read], list[Read]]]:
    """The texts of one update after the other, as the teacher and the student read them."""
    special = np.array(sorted(text.special_ids))
    for step in range(1 << 30):
        rows = rows_of_step(step, seed=settings.seed, batch=settings.rows, rows=text.rows)
        tokens, pieces = text.take(rows)
        pairs: list[tuple[Read, Read]] = []
        for row, numbers in zip(tokens, pieces, strict=True):
            for number in range(1, int(numbers.max()) + 1):
                ids = row[(numbers == number) & ~np.isin(row, special)]
                for start in range(0, len(ids), PIECE):
                    said: Any = tokenizers[1].decode(ids[start : start + PIECE].tolist())
                    pairs.append(read_by_both(said, *tokenizers, most))
        known = [pair for pair in pairs if pair[0].ids]
        yield [one for one, _ in known], [other for _, other in known]


def flops_of(shape: Shape, layers: int, reads: tuple[list[Read], list[Read]]) -> float:
    """Of one update: a pass of the teacher, and of the student one with its gradient."""
    spent = 0.0
    for mine, learns in zip(reads, (False, True), strict=True):
        length = max(len(read.ids) for read in mine) + 2
        layer = compute.layer_forward(shape, length)
        layer += compute.layer_backward(shape, length, frozen=True) if learns else 0
        spent += layers * layer * sum(len(read.ids) + 2 for read in mine)
    return spent
