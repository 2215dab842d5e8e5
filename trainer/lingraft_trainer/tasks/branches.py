"""Rows of a causal model in which a context stands once, with all that may follow it behind it.

Each continuation sees the context and itself, at the positions that it has without the others. So
four choices on a passage cost little more than one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

SHARED_TOKENS = 8192
"""Of a row with several continuations, at most: what sees what is a square of it."""


class Encoded(NamedTuple):
    """A context and what follows it, in tokens."""

    context: list[int]
    """At least one."""
    continuation: list[int]
    """At least one: what is scored."""


class Branch(NamedTuple):
    """One continuation in a row."""

    text: int
    """Its number."""
    places: list[int]
    """Where in the row its tokens are told."""
    labels: list[int]
    """Its tokens."""


@dataclass
class Row:
    """A context and its continuations, the last token of each left out: it tells nothing.

    Attributes:
        ids: Tokens.
        positions: The position of each.
        pieces: 0 for the context, else the number of the continuation.
        branches: The continuations.
    """

    ids: list[int]
    positions: list[int]
    pieces: list[int]
    branches: list[Branch] = field(default_factory=list[Branch])

    def add(self, text: int, continuation: list[int]) -> None:
        """Put a continuation behind the context."""
        context = self.pieces.count(0)
        first, told = len(self.ids), len(continuation)
        self.ids += continuation[:-1]
        self.positions += range(context, context + told - 1)
        self.pieces += [len(self.branches) + 1] * (told - 1)
        places = [context - 1, *range(first, first + told - 1)]
        self.branches.append(Branch(text, places, continuation))


def rows_of_texts(texts: Sequence[Encoded], max_length: int) -> list[Row]:
    """Texts as rows, each text in one; what is longer than a model reads loses its beginning."""
    shared: dict[tuple[int, ...], list[tuple[int, list[int]]]] = defaultdict(list)
    for number, (context, continuation) in enumerate(texts):
        whole = [*context, *continuation][-max_length - 1 :]
        told = min(len(whole) - 1, len(continuation))
        shared[tuple(whole[:-told])].append((number, whole[-told:]))
    rows: list[Row] = []
    for context, continuations in shared.items():
        row: Row | None = None
        for number, continuation in continuations:
            if row is None or len(row.ids) + len(continuation) > SHARED_TOKENS:
                length = len(context)
                row = Row([*context], [*range(length)], [0] * length)
                rows.append(row)
            row.add(number, continuation)
    return rows


class Inputs(NamedTuple):
    """Rows padded on their right."""

    ids: Tensor
    """[B, S]."""
    positions: Tensor
    """[B, S]."""
    attention: Tensor | None
    """Which tokens are of one text, [B, 1, S, S]; None where every row has one continuation."""


def padded(rows: Sequence[Row], device: torch.device) -> Inputs:
    """Rows as a model takes them."""

    def of(values: Sequence[Sequence[int]], padding: int) -> Tensor:
        tensors = [torch.tensor(one) for one in values]
        return pad_sequence(tensors, batch_first=True, padding_value=padding).to(device)

    ids, positions = (of([row.ids for row in rows], 0), of([row.positions for row in rows], 0))
    if all(len(row.branches) == 1 for row in rows):
        return Inputs(ids, positions, None)
    pieces = of([row.pieces for row in rows], -1)
    query, key = pieces[:, None, :, None], pieces[:, None, None]
    # Padding is of one text with itself alone, for who sees nothing has no mean.
    return Inputs(ids, positions, ((key == 0) & (query >= 0)) | (query == key))
