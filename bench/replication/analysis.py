"""What the curves say: compute to equal quality, with intervals. Pure, and tested by itself.

S snapshots, N test examples, G groups of them (chapters, packages), D bootstrap draws. Costs
are cumulated FLOPs or seconds; a cost that is never reached is infinite ("censored").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

Array = NDArray[np.floating]
LEVELS = {"50 %": 0.5, "75 %": 0.75, "90 %": 0.9, "95 %": 0.95, "final": 1.0}
"""Shares of the reference's final gain over the floor that are to be reached."""
ENOUGH = 2.0
"""Standard errors above the floor that the reference must stand, or there is no signal."""
DRAWS = 1000
LANGUAGES = (1, 5, 10, 50)
"""Numbers of languages that one-time costs are spread over."""


@dataclass(frozen=True)
class Curve:
    """One arm's learning curve on one test set, its seeds averaged.

    Attributes:
        flops: Cumulated by step 2, [S], rising.
        seconds: Device-seconds likewise, [S].
        correct: Each example's score at each snapshot, [S, N], over pairs of seeds.
        final: Each example's score at the end, [N], over every seed of either kind.
        once: FLOPs spent once per base, which a run with this arm needs beside the reference's.
    """

    flops: Array
    seconds: Array
    correct: Array
    final: Array
    once: float = 0.0


@dataclass(frozen=True)
class Interval:
    """A value, and the middle 95 % of its bootstrap draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Reached:
    """What one arm needs for one level, and the reference over it (0: never reached)."""

    flops: float
    flops_speedup: Interval
    seconds_speedup: Interval
    amortised: dict[int, float]
    """The FLOPs speed-up with the one-time cost spread over so many languages."""


@dataclass(frozen=True)
class Comparison:
    """One language and task.

    Attributes:
        floor: Score of the better of majority and the rule without a language model.
        gain: The reference's final score above the floor, and its standard error.
        climb: The same by the end of its curve, over pairs of seeds: levels are shares of it.
        final: Arm to final score.
        reached: Arm to level to what it needs; empty where there is no signal.
    """

    floor: float
    gain: float
    gain_stderr: float
    climb: float
    final: dict[str, Interval]
    reached: dict[str, dict[str, Reached]]

    @property
    def signal(self) -> bool:
        """Whether the reference learned anything that the test can see."""
        return self.gain > ENOUGH * self.gain_stderr and self.climb > 0


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

    NaN where either stands there before it is trained: that is no cost to compare.
    """
    if not np.isfinite(other):
        return 0.0
    return reference / other if reference > 0 and other > 0 else float("nan")


def amortised(reference: float, other: float, once: float, languages: int) -> float:
    """The speed-up when a cost spent once is shared by so many languages."""
    return speedup(reference, other + once / languages)


def draws_of(groups: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Array:
    """How often each example counts in each draw of whole groups, [1 + D, N]; first all once."""
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    count = int(number.max()) + 1
    chosen = np.random.default_rng(seed).integers(count, size=(draws, count))
    weights = np.stack([np.bincount(row, minlength=count) for row in chosen])
    return np.concatenate([np.ones((1, len(number))), weights[:, number]]).astype(float)


def compare(
    curves: Mapping[str, Curve], floor: Array, groups: Sequence[str], reference: str
) -> Comparison:
    """Compare all arms with the reference, on the same draws of groups.

    Args:
        curves: By arm.
        floor: The floor's score of each example, [N].
        groups: The group of each example.
        reference: The arm to be equalled.
    """
    weights = draws_of(groups)
    weights /= weights.sum(axis=1, keepdims=True)
    floors = weights @ floor
    scores = {arm: weights @ curve.correct.T for arm, curve in curves.items()}  # [1 + D, S]
    rising = {arm: np.apply_along_axis(smoothed, 1, score) for arm, score in scores.items()}
    ends = {arm: weights @ curve.final for arm, curve in curves.items()}
    gains = ends[reference] - floors
    final = {arm: _interval(end) for arm, end in ends.items()}
    top = rising[reference][:, -1]
    comparison = Comparison(
        floor=float(floors[0]),
        gain=float(gains[0]),
        gain_stderr=float(gains[1:].std()),
        climb=float(top[0] - floors[0]),
        final=final,
        reached={},
    )
    if not comparison.signal:
        return comparison
    for arm, curve in curves.items():
        for name, share in LEVELS.items():
            targets = floors + share * (top - floors)
            costs = {
                unit: (
                    _costs(getattr(curves[reference], unit), rising[reference], targets),
                    _costs(getattr(curve, unit), rising[arm], targets),
                )
                for unit in ("flops", "seconds")
            }
            theirs, mine = (float(cost[0]) for cost in costs["flops"])
            ratios = {
                u: [speedup(*pair) for pair in zip(*c, strict=True)] for u, c in costs.items()
            }
            comparison.reached.setdefault(arm, {})[name] = Reached(
                flops=mine,
                flops_speedup=_interval(np.array(ratios["flops"])),
                seconds_speedup=_interval(np.array(ratios["seconds"])),
                amortised={n: amortised(theirs, mine, curve.once, n) for n in LANGUAGES},
            )
    return comparison


def average(speedups: Sequence[float]) -> tuple[float, int]:
    """Geometric mean of those that were reached, and how many never were; NaN counts as neither."""
    reached = [one for one in speedups if one > 0]
    mean = float(np.exp(np.mean(np.log(reached)))) if reached else float("nan")
    return mean, sum(one == 0 for one in speedups)


def _costs(costs: Array, curves: Array, targets: Array) -> Array:
    return np.array([cost_to_reach(costs, c, t) for c, t in zip(curves, targets, strict=True)])


def _interval(draws: Array) -> Interval:
    """The first is the data itself. A quantile is one of the draws: some may be infinite."""
    rest = draws[1:][~np.isnan(draws[1:])]
    if not len(rest):
        return Interval(float(draws[0]), float("nan"), float("nan"))
    low, high = np.quantile(rest, [0.025, 0.975], method="inverted_cdf")
    return Interval(float(draws[0]), float(low), float(high))
