"""The bootstrap: how far a result hangs on which chapters and which seeds there were.

R runs (seeds of step 2), S snapshots, F fine-tunings, N test examples, D draws.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
DRAWS = 1000


@dataclass(frozen=True)
class Interval:
    """A value, the middle 95 % of its bootstrap draws, and the share of those that are 0."""

    value: float
    low: float
    high: float
    never: float = 0.0


class Draws:
    """Groups of examples, seeds of step 2 and fine-tunings, drawn again.

    Arms of one base are compared on the same draws of seeds: they share fine-tunings, and their
    step 2 starts from the same embeddings. Seeds of different bases are drawn apart, whatever
    their numbers. The first draw is the data itself.

    Args:
        groups: The group of each example, [N].
        draws: D.
    """

    def __init__(self, groups: Sequence[str], draws: int = DRAWS) -> None:
        _, number = np.unique(np.asarray(groups), return_inverse=True)
        self.draws = draws
        self.examples = self._weights("groups", int(number.max()) + 1)[:, number]
        self.examples /= self.examples.sum(axis=1, keepdims=True)

    def _weights(self, name: str, count: int) -> Array:
        """How often each of `count` things counts in each draw, [1 + D, count]; first all once."""
        rng = np.random.default_rng(zlib.crc32(f"{name} {count}".encode()))
        chosen = rng.integers(count, size=(self.draws, count))
        drawn = np.stack([np.bincount(row, minlength=count) for row in chosen])
        return np.concatenate([np.ones((1, count)), drawn]).astype(float)

    def means(self, scores: Array, base: str) -> Array:
        """The mean of [R, S, F, N] over all but snapshots, in every draw: [1 + D, S]."""
        runs, steps, tuned, examples = scores.shape
        flat = self.examples @ scores.reshape(-1, examples).T
        by_run = self._weights(f"runs of {base}", runs) / runs
        by_tuning = self._weights(f"fine-tunings of {base}", tuned) / tuned
        by_draw = flat.reshape(-1, runs, steps, tuned)
        return np.einsum("drsf,dr,df->ds", by_draw, by_run, by_tuning)


def interval_of(draws: Array) -> Interval:
    """Of [1 + D] values; a quantile is one of them, for some may be infinite.

    Args:
        draws: The first is of the data itself. NaN is left out.
    """
    rest = draws[1:][~np.isnan(draws[1:])]
    if not len(rest):
        return Interval(float(draws[0]), float("nan"), float("nan"))
    low, high = np.quantile(rest, [0.025, 0.975], method="inverted_cdf")
    return Interval(float(draws[0]), float(low), float(high), float(np.mean(rest == 0)))
