"""What is drawn together, and what apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replication.bootstrap import Draws, interval_of

RNG = np.random.default_rng(0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30))
def test_draws_take_whole_groups(groups: list[str]) -> None:
    drawn = Draws(groups, draws=20).examples
    assert drawn[0] == pytest.approx(np.full(len(groups), 1 / len(groups)))
    assert drawn.sum(axis=1) == pytest.approx(np.ones(21))
    for name in set(groups):
        of_group = drawn[:, [g == name for g in groups]]
        assert (of_group == of_group[:, :1]).all()


def test_the_first_draw_is_the_data_and_one_seed_of_each_is_never_drawn_otherwise() -> None:
    draws = Draws(["all"] * 5, draws=30)
    many = RNG.random((3, 2, 4, 5))
    found = draws.means(many, "base")
    assert found[0] == pytest.approx(many.mean(axis=(0, 2, 3)))
    assert found[1:].std(axis=0).min() > 0, "seeds are drawn"
    single = draws.means(many[:1, :, :1], "base")
    assert single == pytest.approx(np.repeat(single[:1], 31, axis=0))


def test_arms_of_one_base_have_the_same_seeds_drawn_and_others_their_own() -> None:
    draws = Draws([str(i) for i in range(5)], draws=30)
    scores = RNG.random((3, 2, 4, 5))
    shifted = draws.means(scores + 0.5, "base") - draws.means(scores, "base")
    assert shifted == pytest.approx(np.full((31, 2), 0.5))
    apart = draws.means(scores, "other") - draws.means(scores, "base")
    assert apart[0] == pytest.approx(np.zeros(2)) and abs(apart[1:]).max() > 0.01


def test_an_interval_counts_what_was_never_reached_and_leaves_out_what_is_unknown() -> None:
    found = interval_of(np.array([2.0, 0.0, 1.0, 3.0, np.inf, np.nan]))
    assert (found.value, found.low, found.high, found.never) == (2.0, 0.0, np.inf, 0.25)
    assert np.isnan(interval_of(np.array([1.0, np.nan])).low)
