"""What is held out: near the share that is asked, and never all or nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.data.heldout import held_out


def share_of(sizes: list[int], share: float, most: int = 10**9) -> float:
    keys = np.random.default_rng(0).permutation(len(sizes)).astype(np.uint64)
    found = held_out(keys, np.array(sizes), share=share, most=most)
    assert found and (len(found) < len(sizes) or len(sizes) == 1)
    return sum(s for k, s in zip(keys, sizes, strict=True) if int(k) in found) / sum(sizes)


@given(st.lists(st.integers(1, 400), min_size=500, max_size=900), st.floats(0.005, 0.3))
def test_within_a_point_of_what_is_asked(sizes: list[int], share: float) -> None:
    assert abs(share_of(sizes, share) - share) < 0.01


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=60))
def test_never_all_or_nothing(sizes: list[int]) -> None:
    assert 0 < share_of(sizes, 0.01) < 1


def test_one_that_is_a_third_of_the_text_is_not_chosen() -> None:
    for place in range(40):
        sizes = [100] * 200
        sizes[place] = 10_000
        assert 0.009 < share_of(sizes, 0.01) < 0.016


def test_there_is_a_most() -> None:
    assert share_of([100] * 10_000, 0.5, most=20_000) == 0.02
