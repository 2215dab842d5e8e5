from datetime import timedelta

import pytest

from lingraft_operator.observation.sightings import REMEMBERED, Sightings
from lingraft_operator.world import Signs
from tests.support.operator.clock import START, Clock

KEY = ("a", "holder")


class Looks:
    """Looks at one holder, ten seconds apart."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sightings = Sightings(self.clock.read)

    def look(self, progress: str, lease: str) -> Signs | None:
        self.sightings.look(KEY, progress=progress, lease=lease)
        self.clock.advance(10)
        return self.sightings.signs(KEY)


@pytest.fixture
def looks() -> Looks:
    return Looks()


def at(seconds: int) -> object:
    return START + timedelta(seconds=seconds)


def test_who_was_never_looked_at_gave_no_sign(looks: Looks) -> None:
    assert looks.sightings.signs(KEY) is None


def test_the_first_look_is_a_sign_and_no_progress(looks: Looks) -> None:
    """It may have been standing there for hours."""
    assert looks.look("p", "l") == (at(0), None)


def test_what_does_not_change_is_no_sign(looks: Looks) -> None:
    looks.look("p", "l")
    assert looks.look("p", "l") == (at(0), None)


def test_a_lease_that_is_renewed_is_a_sign_and_no_progress(looks: Looks) -> None:
    looks.look("p", "l")
    assert looks.look("p", "m") == (at(10), None)


def test_progress_was_made_after_the_look_before(looks: Looks) -> None:
    looks.look("p", "l")
    looks.look("p", "l")
    assert looks.look("q", "m") == (at(20), at(10))
    assert looks.look("q", "n") == (at(30), at(10))


def test_a_time_that_goes_back_is_a_change_too(looks: Looks) -> None:
    """The head was lost, and the next one runs where the clock is slow."""
    looks.look("2026-01-01T00:06:00", "l")
    assert looks.look("2026-01-01T00:01:00", "l") == (at(10), at(0))


def test_only_so_many_are_remembered(looks: Looks) -> None:
    looks.look("p", "l")
    for number in range(REMEMBERED):
        looks.sightings.look(("a", str(number)), progress="", lease="")
    assert looks.sightings.signs(KEY) is None
