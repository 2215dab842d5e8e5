"""Linear warm-up, linear decay to zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.training.schedule import learning_rate


def test_by_hand() -> None:
    rates = [learning_rate(step, peak=1.0, warmup=4, steps=8) for step in range(8)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25])


@given(steps=st.integers(1, 300), warmup=st.integers(0, 300), peak=st.floats(1e-6, 1.0))
def test_it_rises_then_falls_and_never_stands_still(steps: int, warmup: int, peak: float) -> None:
    warmup = min(warmup, steps)
    rates = [learning_rate(step, peak=peak, warmup=warmup, steps=steps) for step in range(steps)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    assert max(rates) == pytest.approx(peak)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
