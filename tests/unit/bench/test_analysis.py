"""Compute to equal quality: known answers, and what must hold of every curve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replication.analysis import (
    Curve,
    amortised,
    average,
    compare,
    cost_to_reach,
    draws_of,
    smoothed,
    speedup,
)

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
    assert average([2.0, 8.0, 0.0]) == (pytest.approx(4.0), 1)
    assert np.isnan(average([0.0])[0])


@FEW
@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(0, 1e6), st.integers(1, 100))
def test_more_languages_never_make_a_shared_cost_weigh_more(
    reference: float, other: float, once: float, languages: int
) -> None:
    shared = amortised(reference, other, once, languages)
    assert amortised(reference, other, once, 1) <= shared * (1 + 1e-9)
    assert shared <= speedup(reference, other) * (1 + 1e-9)


@FEW
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30))
def test_draws_take_whole_groups(groups: list[str]) -> None:
    drawn = draws_of(groups, draws=20)
    assert (drawn[0] == 1).all()
    for name in set(groups):
        of_group = drawn[:, [g == name for g in groups]]
        assert (of_group == of_group[:, :1]).all()


def world(final: float, *, examples: int = 400) -> tuple[dict[str, Curve], np.ndarray, list[str]]:
    """Standard rises to `final` over a floor of 0.25; Mini is the same at a third of the cost."""
    rng = np.random.default_rng(0)
    luck = rng.random(examples)
    levels = np.linspace(0.25, final, 5)
    correct = np.array([(luck < level).astype(float) for level in levels])
    costs = np.array([0.0, 100.0, 200.0, 400.0, 800.0])
    late = np.array([0.25, 0.25, 0.25, 0.25, 0.3])
    stuck = np.array([(luck < x).astype(float) for x in late])
    curves = {
        "standard": Curve(costs, 2 * costs, correct, correct[-1]),
        "mini": Curve(costs / 3, costs, correct, correct[-1], once=80.0),
        "stuck": Curve(costs / 3, costs, stuck, stuck[-1]),
    }
    floor = (rng.random(examples) < 0.25).astype(float)
    return curves, floor, [str(i // 10) for i in range(examples)]


def test_the_same_curve_at_a_third_of_the_cost_is_three_times_faster() -> None:
    curves, floor, groups = world(0.7)
    found = compare(curves, floor, groups, "standard")
    assert found.signal
    for level in ("90 %", "95 %", "final"):
        reached = found.reached["mini"][level]
        assert reached.flops_speedup.value == pytest.approx(3.0)
        # Paired: where the curves are one, no draw of chapters can tell them apart.
        assert reached.flops_speedup.low == pytest.approx(3.0)
        assert reached.flops_speedup.high == pytest.approx(3.0)
        assert reached.seconds_speedup.value == pytest.approx(2.0)
        assert reached.amortised[1] < reached.amortised[50] < 3.0
        assert found.reached["standard"][level].flops_speedup.value == 1.0
    assert found.reached["mini"]["90 %"].flops < found.reached["mini"]["final"].flops


def test_what_is_never_reached_is_censored() -> None:
    curves, floor, groups = world(0.7)
    stuck = compare(curves, floor, groups, "standard").reached["stuck"]["90 %"]
    assert stuck.flops == float("inf")
    assert stuck.flops_speedup.value == 0.0
    assert stuck.amortised[50] == 0.0


def test_there_is_no_speed_up_where_the_reference_learned_nothing() -> None:
    curves, floor, groups = world(0.26)
    found = compare(curves, floor, groups, "standard")
    assert not found.signal and not found.reached


def test_a_level_that_stands_before_training_is_no_speedup_and_not_never() -> None:
    assert np.isnan(speedup(0.0, 5.0)) and np.isnan(speedup(5.0, 0.0)) and np.isnan(speedup(0, 0))
    assert average([float("nan"), 2.0, 0.0, 8.0]) == (pytest.approx(4.0), 1)


def test_without_a_climb_of_its_curve_the_reference_has_no_signal() -> None:
    curves, floor, groups = world(0.7)
    flat = np.repeat(curves["standard"].correct[:1], 5, axis=0)
    curves["standard"] = replace(curves["standard"], correct=flat * 0)
    found = compare(curves, floor, groups, "standard")
    assert found.gain > 2 * found.gain_stderr and not found.signal and found.reached == {}
