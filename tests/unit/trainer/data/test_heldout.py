"""What is held out: near the share that is asked, and never all or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.data.heldout import held_out, held_out_whole


def share_of(sizes: list[int], share: float, most: int = 10**9) -> float:
    keys = np.random.default_rng(0).permutation(len(sizes)).astype(np.uint64)
    found = held_out(keys, np.array(sizes), share=share, most=most)
    assert found and (len(found) < len(sizes) or len(sizes) == 1)
    return sum(s for k, s in zip(keys, sizes, strict=True) if int(k) in found) / sum(sizes)


def drawn(seed: int, least: int, most: int, count: int) -> list[int]:
    """Numbers by a seed: to draw hundreds one by one takes hypothesis minutes."""
    rng = np.random.default_rng(seed)
    return rng.integers(least, most, count + int(rng.integers(count)), endpoint=True).tolist()


@given(st.integers(0, 1 << 32), st.floats(0.005, 0.3))
def test_within_a_point_of_what_is_asked(seed: int, share: float) -> None:
    sizes = drawn(seed, 1, 400, 500)
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


def whole(counts: list[int], share: float, most: int = 10**9) -> set[int]:
    """The places of the paragraphs that are held out, of documents of so many."""
    of_document = np.repeat(np.arange(len(counts)), counts)
    keys = np.random.default_rng(1).permutation(len(of_document)).astype(np.uint64)
    sizes = np.full(len(keys), 100)
    found = held_out_whole(keys, sizes, of_document, share=share, most=most)
    return {place for place, key in enumerate(keys) if int(key) in found}


@given(st.integers(0, 1 << 32), st.floats(0.01, 0.3))
def test_whole_documents_near_the_share_that_is_asked(seed: int, share: float) -> None:
    counts = drawn(seed, 1, 30, 300)
    held = whole(counts, share)
    numbers = np.repeat(np.arange(len(counts)), counts)
    chosen = {int(numbers[place]) for place in held}
    assert held == {place for place, number in enumerate(numbers) if int(number) in chosen}
    assert abs(len(held) / len(numbers) - share) < 0.02


@pytest.mark.parametrize("counts", [[200], [100, 100], [3, 400]])
def test_of_documents_that_are_too_large_paragraphs_are_held_out(counts: list[int]) -> None:
    assert 0 < len(whole(counts, 0.05)) <= 0.11 * sum(counts)


def test_of_whole_documents_there_is_a_most_too() -> None:
    assert len(whole([10] * 1_000, 0.5, most=20_000)) == 200
