"""Data drawn up ahead are the data of their step, and end where the run does."""

import threading

import pytest

from lingraft_trainer.training.ahead import Ahead


def test_every_step_gets_its_own_and_nothing_is_drawn_twice_or_past_the_end() -> None:
    drawn: list[int] = []

    def draw(step: int) -> int:
        drawn.append(step)
        return step * step

    with Ahead(draw, 5) as ahead:
        assert [ahead(step) for step in range(2, 5)] == [4, 9, 16]
    assert drawn == [2, 3, 4]


def test_the_next_one_is_drawn_while_this_one_is_used() -> None:
    used = threading.Event()

    def draw(step: int) -> int:
        assert step == 0 or used.wait(30)
        return step

    with Ahead(draw, 2) as ahead:
        assert ahead(0) == 0, "it does not wait for the one after it"
        used.set()
        assert ahead(1) == 1


def test_what_went_wrong_is_said_at_its_own_step() -> None:
    def draw(step: int) -> int:
        if step == 1:
            raise ValueError("no such row")
        return step

    with Ahead(draw, 3) as ahead:
        assert ahead(0) == 0
        with pytest.raises(ValueError, match="no such row"):
            ahead(1)
