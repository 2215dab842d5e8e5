"""What the curves say: compute to equal quality, with intervals. Pure, and tested by itself.

R runs (seeds of step 2), S snapshots, F fine-tunings, N test examples. Costs are cumulated FLOPs or
seconds; a cost that is never reached is infinite ("censored").
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.isotonic import isotonic_regression

from bench.replication.bootstrap import Array, Draws, Interval, interval_of

LEVELS = {"50 %": 0.5, "75 %": 0.75, "90 %": 0.9, "95 %": 0.95, "final": 1.0}
"""Shares of the reference's final gain over the floor that are to be reached."""
ENOUGH = 2.0
"""Standard errors above the floor that the reference must stand, or there is no signal."""
LANGUAGES = (1, 5, 10, 50)
"""Numbers of languages that one-time costs are spread over."""


@dataclass(frozen=True)
class Curve:
    """One arm's learning curve on one test set.

    Attributes:
        flops: Cumulated by step 2, [S], rising.
        seconds: Device-seconds likewise, [S], the mean over runs.
        scores: Each example's score, higher is better, [R, S, F, N].
        runs: The seed of each run, [R].
        base: What the arm stands on. Arms of one base share its fine-tunings.
        once: FLOPs spent once per base, which a plain base would not need.
    """

    flops: Array
    seconds: Array
    scores: Array
    runs: tuple[int, ...]
    base: str
    once: float = 0.0

    @property
    def mean(self) -> Array:
        """Over all but snapshots, [S]."""
        return self.scores.mean(axis=(0, 2, 3))

    def of_runs(self, runs: Sequence[int]) -> "Curve":
        """The same with these seeds of step 2 alone; their seconds are taken to be the mean."""
        kept = [self.runs.index(run) for run in runs]
        return Curve(self.flops, self.seconds, self.scores[kept], tuple(runs), self.base, self.once)


@dataclass(frozen=True)
class Reached:
    """What an arm needs for one level, and the reference over it (0: never reached)."""

    flops: float
    flops_speedup: Interval
    seconds_speedup: Interval
    amortised: dict[int, float]
    """The FLOPs speed-up with the one-time costs of both spread over so many languages."""


@dataclass(frozen=True)
class Comparison:
    """An arm against a reference, on one language and task.

    Attributes:
        runs: Seeds of step 2 that both have.
        floor: What the reference's gain is counted from.
        gain: The reference's final score above the floor.
        gain_stderr: Its standard error.
        gain_stderr_by_book: The same where whole books are drawn; None where there are none.
        difference: The arm's final score less the reference's.
        reached: Level to what the arm needs; empty where there is no signal.
    """

    runs: tuple[int, ...]
    floor: float
    gain: float
    gain_stderr: float
    gain_stderr_by_book: float | None
    difference: Interval
    reached: dict[str, Reached]

    @property
    def signal(self) -> bool:
        """Whether the reference learned anything that the test can see."""
        return self.gain > ENOUGH * self.gain_stderr


def smoothed(scores: Sequence[float] | Array) -> Array:
    """The nearest curve that never falls (isotonic regression)."""
    return np.asarray(isotonic_regression(np.asarray(scores, dtype=float)))


def cost_to_reach(costs: Array, scores: Array, target: float) -> float:
    """The cost at which a curve first stands at the target; infinite if it never does.

    Straight lines between snapshots, over the logarithm of the cost but from the start on.

    Args:
        costs: [S], rising from 0.
        scores: [S], never falling.
        target: The score asked for.
    """
    # Rounding of means must not turn the last point itself into "never".
    at = int(np.searchsorted(scores, target - 1e-9))
    if at == len(scores):
        return float("inf")
    if at == 0:
        return float(costs[0])
    before, after = float(costs[at - 1]), float(costs[at])
    share = (target - scores[at - 1]) / (scores[at] - scores[at - 1])
    share = float(min(1.0, max(0.0, share)))
    if before <= 0:
        return before + share * (after - before)
    return before * (after / before) ** share


def speedup(reference: float, other: float) -> float:
    """The reference's cost over the other's; 0 where the other never gets there.

    Infinite where the other stands there before it is trained, NaN where the reference does.
    """
    if not np.isfinite(other):
        return 0.0
    if reference <= 0:
        return float("nan")
    return reference / other if other > 0 else float("inf")


def final_of(curve: Curve, draws: Draws) -> Interval:
    """An arm's final score."""
    return interval_of(draws.means(curve.scores, curve.base)[:, -1])


def compare(
    curve: Curve, reference: Curve, floor: Array, draws: Draws, books: Draws | None = None
) -> Comparison:
    """Compare an arm with a reference, over the seeds that both have.

    Args:
        curve: The arm's.
        reference: The arm's that is to be equalled.
        floor: The floor's score of each example, [N].
        draws: Over the same examples.
        books: The same with larger groups, for the gain's error alone.
    """
    both = tuple(run for run in curve.runs if run in reference.runs)
    curve, reference = curve.of_runs(both), reference.of_runs(both)
    scores, top = (draws.means(one.scores, one.base) for one in (curve, reference))
    floors = draws.examples @ floor
    gains = top[:, -1] - floors
    by_book = None if books is None else _final_gain(reference, floor, books)
    found = Comparison(
        runs=both,
        floor=float(floors[0]),
        gain=float(gains[0]),
        gain_stderr=float(gains[1:].std()),
        gain_stderr_by_book=None if by_book is None else float(by_book[1:].std()),
        difference=interval_of(scores[:, -1] - top[:, -1]),
        reached={},
    )
    if not found.signal:
        return found
    rising, theirs = (np.apply_along_axis(smoothed, 1, one) for one in (scores, top))
    reached: dict[str, Reached] = {}
    for name, share in LEVELS.items():
        # Smoothed ends on both sides: a dip at the end must not be one side's alone.
        targets = floors + share * (theirs[:, -1] - floors)
        needed = {
            unit: (
                _costs(getattr(curve, unit), rising, targets),
                _costs(getattr(reference, unit), theirs, targets),
            )
            for unit in ("flops", "seconds")
        }
        mine, its = (float(costs[0]) for costs in needed["flops"])
        reached[name] = Reached(
            flops=mine,
            flops_speedup=_speedups(*needed["flops"], gains),
            seconds_speedup=_speedups(*needed["seconds"], gains),
            amortised={
                n: speedup(its + reference.once / n, mine + curve.once / n) for n in LANGUAGES
            },
        )
    return replace(found, reached=reached)


def _costs(costs: Array, rising: Array, targets: Array) -> Array:
    """The cost of each draw's target on its curve: [S], [1 + D, S], [1 + D] -> [1 + D]."""
    return np.array([cost_to_reach(costs, *one) for one in zip(rising, targets, strict=True)])


def _final_gain(curve: Curve, floor: Array, draws: Draws) -> Array:
    return draws.means(curve.scores, curve.base)[:, -1] - draws.examples @ floor


def _speedups(costs: Array, reference: Array, gains: Array) -> Interval:
    """Over all draws; one in which the reference gains nothing asks for nothing."""
    ratios = [
        speedup(theirs, ours) if gain > 0 else np.nan
        for ours, theirs, gain in zip(costs, reference, gains, strict=True)
    ]
    return interval_of(np.array(ratios))


@dataclass(frozen=True)
class Summary:
    """Speed-ups at one level over several languages and tasks, the same for every arm.

    Attributes:
        cases: How many there are.
        reached: In how many of them the level was.
        trained: In how many of these by training, and not before it.
        median: Never counts as 0, so it is 0 where most were never reached; infinite where most
            stand there untrained.
        where_reached: Geometric mean of those that were reached by training: an arm that fails
            often looks good in it.
    """

    cases: int
    reached: int
    trained: int
    median: float
    where_reached: float


def summarise(speedups: Sequence[float]) -> Summary:
    """One arm's cases at one level; those in which the reference stood there are left out."""
    known = [one for one in speedups if not np.isnan(one)]
    reached = [one for one in known if one > 0]
    trained = [one for one in reached if np.isfinite(one)]
    mean = float(np.exp(np.mean(np.log(trained)))) if trained else float("nan")
    # The lower one of two in the middle: half of the cases reach it at least.
    middle = sorted(known)[(len(known) - 1) // 2] if known else float("nan")
    return Summary(len(known), len(reached), len(trained), middle, mean)
