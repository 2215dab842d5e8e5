"""Checkpoints are written when there is a reason to, and hold what was true then."""

import errno
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lingraft.errors import InfrastructureError
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training import checkpoints
from lingraft_trainer.training.checkpoints import Checkpoints
from lingraft_trainer.training.state import RECORD, TENSORS, Best, Trainer, write


@dataclass
class Done:
    tokens: int = 0


class Run:
    """Two numbers that are trained, and what arrives in the store."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.weight = torch.nn.Parameter(torch.zeros(2))
        optimizer = torch.optim.AdamW([self.weight])
        self.weight.grad = torch.ones(2)
        optimizer.step()
        self.state = Trainer({"weight": self.weight}, optimizer, "fp32", Best())
        self.done = Done()
        self.leaving: frozenset[str] = frozenset()
        self.written: dict[int, tuple[list[float], int]] = {}
        self.before: Callable[[], object] = lambda: None
        self.ctx = StageContext(
            params={},
            inputs={},
            out=folder,
            scratch=folder,
            rank=rank,
            save_checkpoint=self.save,
            nodes_leaving=lambda: self.leaving,
        )

    def save(self, step: int, folder: Path) -> None:
        self.before()
        tensors = load_file(folder / TENSORS)
        record = json.loads((folder / RECORD).read_text())
        self.written[step] = (tensors["parameter.weight"].tolist(), record["done"]["tokens"])

    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.ctx, self.state, self.done)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0

    def perf_counter(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, seldom: None) -> Clock:
    """The clock of a run that writes a checkpoint every 45 seconds."""
    clock = Clock()
    monkeypatch.setattr(checkpoints, "time", clock)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 45.0)
    return clock


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 3600.0)


def test_one_for_each_node_that_leaves(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.checkpoints() as points:
        points.after(1, stopping=False)
        run.leaving = frozenset({"a"})
        points.after(2, stopping=False)
        points.after(3, stopping=False)
        run.leaving = frozenset()  # it is gone
        points.after(4, stopping=False)
        run.leaving = frozenset({"a", "b"})
        points.after(5, stopping=False)
        points.after(6, stopping=False)
    assert list(run.written) == [2, 5]


def test_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    with run.checkpoints() as points:
        points.after(1, stopping=False)
        monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
        points.after(2, stopping=False)
        points.after(3, stopping=False)
        monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 3600.0)
        points.after(4, stopping=False)
    assert list(run.written) == [2, 3]


def test_rank_0_alone_writes(tmp_path: Path) -> None:
    run = Run(tmp_path, rank=1)
    with run.checkpoints() as points:
        run.leaving = frozenset({"a"})
        points.after(1, stopping=True)
    assert not run.written


def test_training_goes_on_meanwhile_and_does_not_change_it(tmp_path: Path) -> None:
    run, go_on = Run(tmp_path), threading.Event()
    run.before = lambda: go_on.wait(60)
    before, run.done.tokens = run.weight.tolist(), 7
    with run.checkpoints() as points:
        run.leaving = frozenset({"a"})
        points.after(1, stopping=False)
        with torch.no_grad():
            run.weight.add_(1)
        run.done.tokens = 8
        assert not run.written
        go_on.set()
    assert run.written == {1: (before, 7)}
    assert not any(tmp_path.iterdir()), "its files are gone"


def test_when_stopping_it_is_complete_before_anything_else_happens(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.checkpoints() as points:
        points.after(1, stopping=True)
        assert list(run.written) == [1]


def away() -> None:
    raise InfrastructureError("the store is away")


def sent() -> None:
    """Return when no checkpoint is on its way."""
    for thread in threading.enumerate():
        if thread.name == "checkpoint":
            thread.join(60)


def test_a_store_that_is_away_is_sent_a_newer_one_when_it_is_due(
    tmp_path: Path, clock: Clock
) -> None:
    run = Run(tmp_path)
    with run.checkpoints() as points:
        # Its tries take a minute, and do not make the next one rarer.
        run.before = lambda: (clock.advance(60), away())
        clock.advance(45)
        points.after(1, stopping=False)
        sent()
        run.before = lambda: None
        points.after(2, stopping=False)
    assert list(run.written) == [2]


def test_at_the_end_one_that_could_not_be_sent_does_not_matter(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.before, run.leaving = away, frozenset({"a"})
    with run.checkpoints() as points:
        points.after(1, stopping=False)
    with pytest.raises(ZeroDivisionError), run.checkpoints() as points:
        points.after(2, stopping=False)
        raise ZeroDivisionError  # what ended the run is what is told
    assert not run.written and not any(tmp_path.iterdir())


def test_one_that_cannot_be_written_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(OSError, match="No space"), run.checkpoints() as points:
        points.after(1, stopping=True)
    assert not any(tmp_path.iterdir())


def test_when_stopping_it_is_said_that_it_could_not_be_sent(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.before = away
    with pytest.raises(InfrastructureError, match="away"), run.checkpoints() as points:
        points.after(1, stopping=True)


def test_an_earlier_one_that_could_not_be_sent_does_not_matter_when_stopping(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path)
    run.before, run.leaving = away, frozenset({"a"})
    with run.checkpoints() as points:
        points.after(1, stopping=False)
        sent()
        run.before = lambda: None
        points.after(2, stopping=True)
    assert list(run.written) == [2]


def test_a_mistake_of_our_own_ends_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path)

    def wrong() -> None:
        raise TypeError("not JSON")

    run.before, run.leaving = wrong, frozenset({"a"})
    with pytest.raises(TypeError), run.checkpoints() as points:
        points.after(1, stopping=False)
        points.after(2, stopping=True)


def test_one_that_takes_long_makes_the_next_rarer(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)
    run.before = lambda: clock.advance(6)

    def slowly(*args: Any) -> None:
        clock.advance(4)
        write(*args)

    monkeypatch.setattr(checkpoints, "write", slowly)
    with run.checkpoints() as points:
        clock.advance(45)
        points.after(1, stopping=False)
        sent()  # 10 seconds later: 100 after it began another one is due
        clock.advance(89)
        points.after(2, stopping=False)
        clock.advance(1)
        points.after(3, stopping=False)
    assert list(run.written) == [1, 3]


def test_training_does_not_wait_for_one_to_arrive(tmp_path: Path, clock: Clock) -> None:
    run, go_on = Run(tmp_path), threading.Event()
    run.before = lambda: go_on.wait(60)
    with run.checkpoints() as points:
        clock.advance(45)
        points.after(1, stopping=False)
        clock.advance(1000)
        points.after(2, stopping=False)  # due, but the first one is on its way
        assert not go_on.is_set() and not run.written
        go_on.set()
    assert list(run.written) == [1]
