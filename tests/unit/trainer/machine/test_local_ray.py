"""Starting Ray: once more on this machine, which may be busy; never again for a cluster."""

from collections.abc import Callable
from typing import Any

import pytest
import ray
from ray._private import ray_constants

from lingraft.errors import InfrastructureError
from lingraft_trainer.machine.local_ray import start_ray

TIMED_OUT = "The current node timed out during startup."


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[Any]]:
    """Make Ray fail to start a number of times; what it was asked for comes back."""
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    monkeypatch.setenv(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def fail(times: int) -> list[Any]:
        asked: list[Any] = []

        def init(**settings: Any) -> None:
            asked.append(settings["address"])
            if len(asked) <= times:
                raise Exception(TIMED_OUT)

        monkeypatch.setattr(ray, "init", init)
        return asked

    return fail


@pytest.mark.parametrize(("times", "asked"), [(0, 1), (1, 2)])
def test_one_of_our_own_is_started_once_more(failing: Any, times: int, asked: int) -> None:
    calls = failing(times)
    start_ray()
    assert calls == ["local"] * asked


def test_one_that_never_starts_is_told(failing: Any) -> None:
    calls = failing(2)
    with pytest.raises(InfrastructureError, match=TIMED_OUT):
        start_ray()
    assert len(calls) == 2


def test_a_cluster_is_asked_once(failing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    calls = failing(1)
    with pytest.raises(InfrastructureError, match="Ray did not start"):
        start_ray()
    assert calls == ["head:6379"]
