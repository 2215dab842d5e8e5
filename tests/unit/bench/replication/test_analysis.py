"""Compute to equal quality: known answers, and what must hold of every curve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replication.analysis import (
    Curve,
    compare,
    cost_to_reach,
    smoothed,
    speedup,
    summarise,
)
from bench.replication.bootstrap import Draws

scores = st.lists(st.floats(0, 1), min_size=2, max_size=12)
# No deadline: the first call of all draws in scikit-learn, and machines are busy.
FEW = settings(max_examples=50, deadline=None)
COSTS = np.array([0.0, 10.0, 100.0, 1000.0])


@FEW
@given(scores)
def test_a_smoothed_curve_never_falls_and_keeps_the_mean(values: list[float]) -> None:
    rising = smoothed(values)
    assert (np.diff(rising) >= -1e-12).all()
    assert rising.mean() == pytest.approx(np.mean(values))
    assert rising.min() >= min(values) - 1e-12 and rising.max() <= max(values) + 1e-12


def test_a_curve_that_never_falls_is_left_alone_and_a_dip_is_shared() -> None:
    assert smoothed([0.1, 0.2, 0.2, 0.9]).tolist() == [0.1, 0.2, 0.2, 0.9]
    assert smoothed([0.1, 0.6, 0.4]).tolist() == pytest.approx([0.1, 0.5, 0.5])


def test_cost_is_read_off_between_snapshots_on_the_logarithm() -> None:
    curve = np.array([0.0, 0.2, 0.4, 0.4])
    assert cost_to_reach(COSTS, curve, 0.1) == pytest.approx(5.0)  # from the start: straight
    assert cost_to_reach(COSTS, curve, 0.3) == pytest.approx(10**1.5)
    assert cost_to_reach(COSTS, curve, 0.4) == pytest.approx(100.0)
    assert cost_to_reach(COSTS, curve, 0.41) == float("inf")
    assert cost_to_reach(COSTS, curve, 0.0) == 0.0


@FEW
@given(scores.map(sorted), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_target_never_costs_less(curve: list[float], one: float, other: float) -> None:
    costs = np.array([0.0, *np.geomspace(1, 1000, len(curve) - 1)])
    low, high = sorted([one, other])
    below, above = (cost_to_reach(costs, np.array(curve), t) for t in (low, high))
    assert below <= above * (1 + 1e-9)


def test_speedup_is_nought_where_the_other_never_gets_there() -> None:
    assert speedup(100.0, 40.0) == 2.5
    assert speedup(100.0, float("inf")) == 0.0


def test_a_level_that_stands_before_training_is_no_speedup_and_not_never() -> None:
    assert speedup(5.0, 0.0) == float("inf")
    assert np.isnan(speedup(0.0, 5.0)) and np.isnan(speedup(0, 0))


def test_a_summary_does_not_forget_the_cases_that_were_never_reached() -> None:
    found = summarise([2.0, 8.0, 0.0])
    assert (found.cases, found.reached, found.median) == (3, 2, 2.0)
    assert found.where_reached == pytest.approx(4.0)
    assert summarise([2.0, 0.0, 0.0]).median == 0.0
    assert summarise([2.0, 0.0]).median == 0.0, "half of the cases reach it at least"
    untrained = summarise([float("nan"), 2.0, float("inf"), 8.0])
    assert (untrained.cases, untrained.reached, untrained.median) == (3, 3, 8.0)
    assert (untrained.trained, summarise([float("inf")] * 2).trained) == (2, 0)
    assert untrained.where_reached == pytest.approx(4.0)
    assert np.isnan(summarise([0.0]).where_reached) and np.isnan(summarise([]).median)


def world(final: float, *, examples: int = 400) -> tuple[dict[str, Curve], np.ndarray, Draws]:
    """Standard rises to `final` over a floor of 0.25; Mini is the same at a third of the cost."""
    rng = np.random.default_rng(0)
    luck = rng.random(examples)

    def scores(levels: np.ndarray) -> np.ndarray:
        return np.array([(luck < level).astype(float) for level in levels])[None, :, None, :]

    levels = np.linspace(0.25, final, 5)
    late = np.array([0.25, 0.25, 0.25, 0.25, 0.3])
    costs = np.array([0.0, 100.0, 200.0, 400.0, 800.0])
    curves = {
        "standard": Curve(costs, 2 * costs, scores(levels), (0,), "plain"),
        "mini": Curve(costs / 3, costs, scores(levels), (0,), "joint", once=80.0),
        "stuck": Curve(costs / 3, costs, scores(late), (0,), "plain"),
    }
    floor = (rng.random(examples) < 0.25).astype(float)
    return curves, floor, Draws([str(i // 10) for i in range(examples)])


def test_the_same_curve_at_a_third_of_the_cost_is_three_times_faster() -> None:
    curves, floor, draws = world(0.7)
    found = compare(curves["mini"], curves["standard"], floor, draws)
    assert found.signal and found.runs == (0,) and found.difference.value == 0
    for level in ("90 %", "95 %", "final"):
        reached = found.reached[level]
        assert reached.flops_speedup.value == pytest.approx(3.0)
        # Paired: where the curves are one, no draw of chapters can tell them apart.
        assert reached.flops_speedup.low == pytest.approx(3.0)
        assert reached.flops_speedup.high == pytest.approx(3.0)
        assert reached.seconds_speedup.value == pytest.approx(2.0)
        assert reached.amortised[1] < reached.amortised[50] < 3.0
    assert found.reached["90 %"].flops < found.reached["final"].flops
    itself = compare(curves["standard"], curves["standard"], floor, draws)
    assert all(one.flops_speedup.value == 1.0 for one in itself.reached.values())


def test_what_both_have_spent_once_is_on_both_sides() -> None:
    curves, floor, draws = world(0.7)
    joint = replace(curves["standard"], once=80.0)
    found = compare(curves["mini"], joint, floor, draws).reached["final"]
    assert found.amortised[1] == pytest.approx((800 + 80) / (800 / 3 + 80))


def test_what_is_never_reached_is_censored() -> None:
    curves, floor, draws = world(0.7)
    stuck = compare(curves["stuck"], curves["standard"], floor, draws).reached["90 %"]
    assert stuck.flops == float("inf")
    assert stuck.flops_speedup.value == 0.0 and stuck.flops_speedup.never == 1.0
    assert stuck.amortised[50] == 0.0


def test_there_is_no_speed_up_where_the_reference_learned_nothing() -> None:
    curves, floor, draws = world(0.26)
    found = compare(curves["mini"], curves["standard"], floor, draws)
    assert not found.signal and not found.reached


def test_a_dip_at_the_end_is_neither_sides_alone() -> None:
    curves, floor, draws = world(0.7)
    dipped = curves["standard"].scores.copy()
    dipped[:, -1] = dipped[:, 1]
    reference = replace(curves["standard"], scores=dipped)
    arm = replace(curves["mini"], scores=dipped)
    found = compare(arm, reference, floor, draws).reached["final"].flops_speedup
    assert found.value == pytest.approx(3.0) and found.never == 0
    assert compare(reference, reference, floor, draws).reached["final"].flops_speedup.value == 1


def test_what_hangs_on_books_is_less_sure_by_book_than_by_chapter() -> None:
    curves, floor, draws = world(0.7)
    books = np.repeat([0.0, 1.0], 200)[None, None, None, :].repeat(5, axis=1)
    books[:, :2] = 0.25
    one = replace(curves["standard"], scores=books)
    wide = Draws([str(i // 100) for i in range(400)])
    found = compare(one, one, floor, draws, wide)
    assert found.gain_stderr_by_book is not None
    assert found.gain_stderr_by_book > 2 * found.gain_stderr
    assert compare(one, one, floor, draws).gain_stderr_by_book is None


def test_arms_are_compared_over_the_seeds_that_both_have() -> None:
    curves, floor, draws = world(0.7)
    one = curves["standard"]
    zeros = np.zeros_like(one.scores)
    both = replace(one, scores=np.concatenate([zeros, one.scores]), runs=(7, 0))
    found = compare(both, one, floor, draws)
    assert found.runs == (0,) and found.difference.value == 0
