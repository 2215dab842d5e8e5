"""The first Ctrl-C or SIGTERM waits for the update to be whole; the second does not."""

import os
import signal
import threading

import pytest

from lingraft_trainer.training.interrupts import deferred


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_only_asks(which: signal.Signals) -> None:
    before = signal.getsignal(which)
    with deferred() as stop_requested:
        assert not stop_requested()
        os.kill(os.getpid(), which)
        assert stop_requested()
    assert signal.getsignal(which) is before


def test_the_second_stops_at_once_and_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second signal was ignored")
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_does_nothing() -> None:
    """Ray trains in a thread, where Python allows no handlers."""
    found: list[bool] = []

    def train() -> None:
        with deferred() as stop_requested:
            found.append(stop_requested())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(10)
    assert found == [False]
