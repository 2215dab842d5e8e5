"""What workers of a local Ray get, and when there are too many of them."""

import pytest

from lingraft.errors import UserError
from lingraft_trainer.running import runner


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(runner, "usable_cores", lambda: 8)
    return monkeypatch


@pytest.mark.parametrize(("gpus", "each"), [(0, 0), (1, 1), (4, 1)])
def test_a_worker_gets_a_gpu_where_there_is_one(
    gpus: int, each: int, machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(runner.torch.cuda, "device_count", lambda: gpus)
    assert runner.gpus_of_each(1, threads=2) == each


@pytest.mark.parametrize(
    ("workers", "threads", "gpus", "message"),
    [
        (5, 2, 8, "5 workers of 2 threads do not fit on 8 cores: ask for fewer"),
        (2, 1, 1, "2 workers do not fit on 1 GPU: ask for fewer, or set .* to train on the CPU"),
        (3, 1, 2, "3 workers do not fit on 2 GPUs: ask for fewer, or set .* to train on the CPU"),
    ],
)
def test_more_than_fit_are_refused(
    workers: int, threads: int, gpus: int, message: str, machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(runner.torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(UserError, match=f"^--workers: {message}$"):
        runner.gpus_of_each(workers, threads)
