"""A rival in the manner of MATT (arXiv 2510.21954): new tokens learn to mean what the old ones do.

Below the top nothing asks how tokens are cut: behind some layers the state at a word's end should
be what the base makes of the same word in its own tokens. Here the states themselves are matched
(MATT matches attention). Only the input rows get a gradient; in a tied model they are the output's.
"""

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft import compute
from lingraft.architecture import Shape
from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.training.masking import rows_of_step

DEPTH, RATE, ROWS = 1 / 3, 1e-3, 8
"""Share of the layers behind which states are matched, from below."""


def layers_of(shape: Shape) -> int:
    """How many layers student and teacher have."""
    return max(1, round(DEPTH * shape.layers))


def match(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    family: Family,
    source: PreTrainedTokenizerBase,
    target: PreTrainedTokenizerBase,
    text: PackedText,
    *,
    shape: Shape,
    budget: float,
    seed: int,
) -> float:
    """Train the student's embeddings until a budget of FLOPs is spent; returns what was.

    Args:
        student: The base's bottom layers under the new vocabulary, its embeddings trainable.
        teacher: The same under its own.
        family: Theirs.
        source: The teacher's tokenizer.
        target: The student's.
        text: Of the new language.
        shape: Of the base.
        budget: FLOPs.
        seed: Of the order of the rows.
    """
    rows, layers = embeddings(student).weight, layers_of(shape)
    optimizer = torch.optim.AdamW([rows], lr=RATE, betas=(0.9, 0.98), eps=1e-6)
    forward = layers * compute.layer_forward(shape, text.sequence_length)
    backward = layers * compute.layer_backward(shape, text.sequence_length, frozen=True)
    spent, step = 0.0, 0
    while spent < budget:
        tokens, segments = text.take(rows_of_step(step, seed=seed, batch=ROWS, rows=text.rows))
        pieces = [
            str(target.decode(row[numbers == number], skip_special_tokens=True)).strip()
            for row, numbers in zip(tokens, segments, strict=True)
            for number in range(1, int(numbers.max()) + 1)
        ]
        new, old = (_read(words, pieces) for words in (target, source))
        common = [sorted(a.keys() & b.keys()) for a, b in zip(new.ends, old.ends, strict=True)]
        with torch.no_grad():
            wanted = _states(teacher, family, old, common)
        found = _states(student, family, new, common)
        loss = ((found - wanted).square().sum(-1) / wanted.square().sum(-1)).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        spent += new.count * (forward + backward) + old.count * forward
        step += 1
    return spent


class _Read:
    """Pieces of text in one tokenizer's tokens, padded, and where each one's words end."""

    def __init__(self, ids: np.ndarray, counts: list[int], ends: list[dict[int, int]]) -> None:
        self.ids, self.counts, self.ends = ids, counts, ends
        self.count = sum(counts)


def _read(words: PreTrainedTokenizerBase, pieces: list[str]) -> _Read:
    told = words(pieces, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[list[int]] = told["input_ids"]  # type: ignore[assignment]
    padded = np.zeros((len(ids), max(map(len, ids))), np.int64)
    ends: list[dict[int, int]] = []
    for number, (piece, one, offsets) in enumerate(
        zip(pieces, ids, told["offset_mapping"], strict=True)  # type: ignore[arg-type]
    ):
        padded[number, : len(one)] = one
        ends.append(
            {end: at for at, (_, end) in enumerate(offsets) if piece[end : end + 1] in ("", " ")}
        )
    return _Read(padded, [len(one) for one in ids], ends)


def _states(model: PreTrainedModel, family: Family, read: _Read, common: list[list[int]]) -> Tensor:
    """States behind the layers at the ends of words, [words, H]."""
    length = read.ids.shape[1]
    real = torch.arange(length) < torch.tensor(read.counts)[:, None]
    output = body_output(
        model,
        family,
        torch.from_numpy(read.ids),
        (real[:, None, :, None] == real[:, None, None, :]),
        torch.arange(length).expand(len(read.ids), -1),
        every_layer=True,
    )
    states = output.hidden_states[model.config.num_hidden_layers]
    places = [(row, read.ends[row][end]) for row, shared in enumerate(common) for end in shared]
    return states[[row for row, _ in places], [at for _, at in places]]
