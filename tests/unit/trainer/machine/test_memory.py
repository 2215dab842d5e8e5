"""What one worker has, and whether a model has room there."""

import pytest
import torch

from lingraft_trainer.machine import memory
from lingraft_trainer.machine.memory import fits_here, memory_of_worker


def test_workers_of_one_machine_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_limit", lambda: 1000)
    assert memory_of_worker(torch.device("cpu")) == 1000
    assert memory_of_worker(torch.device("cpu"), 4) == 250


def test_a_model_larger_than_the_memory_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(100, 10, device="meta")
    for limit, fits in ((4041, True), (4040, False)):
        monkeypatch.setattr(memory, "memory_limit", lambda limit=limit: limit)
        assert fits_here(model) == fits
