"""A loss or a gradient that is no number ends the stage, and leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lingraft.errors import UserError
from lingraft_trainer.training.loop import Settings, Step, fit
from tests.support.tiny import (
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    training,
)

BAD = [float("nan"), float("inf")]


class Rows:
    """A micro-batch that says what its loss and its gradient are multiplied with."""

    rows = 1

    def __init__(self, loss: float, gradient: float) -> None:
        self.loss, self.gradient = loss, gradient

    def to(self, device: torch.device) -> "Rows":
        return self


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, batch: Rows) -> Tensor:  # type: ignore[override]
        ctx.batch = batch
        return x * batch.loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad * ctx.batch.gradient, None


class Objective(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))

    def forward(self, batch: Rows) -> Tensor:
        return _Scaled.apply(self.weight.sum(), batch)  # type: ignore[no-any-return]


def run(folder: Path, bad: Rows, at: int) -> list[int]:
    """Train ten updates, one of them bad; the updates whose end was told."""

    def data(step: int, rank: int, world: int) -> Step[Rows]:
        return Step([bad if step == at else Rows(1.0, 1.0)], first_sample=0, count=1, tokens=1)

    told: list[int] = []
    settings = Settings(10, 1e-3, 0, 0.0, 0, dropout=False, field="spec.mini.learningRate")
    fit(context(folder, {}), Objective(), data, settings, width=2, after_step=told.append)
    return told


@pytest.mark.parametrize("value", BAD, ids=str)
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_it_ends_at_the_update(what: str, value: float, tmp_path: Path) -> None:
    bad = Rows(value, 1.0) if what == "loss" else Rows(1.0, value)
    with pytest.raises(UserError, match=f"the {what} of update 5 is no number") as caught:
        run(tmp_path, bad, at=4)
    assert caught.value.where == "spec.mini.learningRate" and "lower it" in caught.value.message


def test_numbers_go_on(tmp_path: Path) -> None:
    assert run(tmp_path, Rows(1e12, 1e12), at=4) == list(range(1, 11))


def test_step_2_says_which_field_to_lower(tmp_path: Path) -> None:
    from lingraft_trainer.stages.embed import embed

    base = tiny_base("roberta", tmp_path / "base")
    corpus = tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    params = {
        "method": "Standard",
        "init": "normal",
        "training": training(learningRate=1e38, warmupSteps=0),
    }
    with pytest.raises(UserError, match="no number") as caught:
        embed(context(tmp_path, params, model=base, base=base, corpus=corpus))
    assert caught.value.where == "spec.embeddings.learningRate"
