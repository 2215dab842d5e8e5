"""Workers without samples, and batches without a masked token: nothing is lost, nothing breaks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lingraft_trainer.training.loop import Settings, Step, fit
from lingraft_trainer.training.masking import share_of
from tests.support.tiny import context


@given(st.integers(1, 40), st.integers(1, 12))
def test_shares_are_a_partition_and_nobody_is_left_out(samples, world):
    shares = [share_of(samples, rank, world) for rank in range(world)]
    counted = np.concatenate([mine for mine, idle in shares if not idle])
    assert counted.tolist() == list(range(samples))
    assert all(len(mine) >= 1 for mine, _ in shares)


class Batch:
    rows = 1

    def to(self, device):
        return self


class Objective(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, batch):
        return (self.weight**2).sum()


@pytest.mark.parametrize(("count", "idle", "moves"), [(4, False, True), (4, True, False)])
def test_an_idle_share_counts_nothing(tmp_path, count, idle, moves):
    objective = Objective()

    def data(step, rank, world):
        return Step(micro_batches=[Batch()], first_sample=0, count=count, tokens=1, idle=idle)

    settings = Settings(
        steps=1, learning_rate=0.1, warmup_steps=0, weight_decay=0.0, seed=0, dropout=False
    )
    done = fit(context(tmp_path, {}), objective, data, settings, width=8)
    assert (not torch.equal(objective.weight, torch.ones(2))) == moves
    assert (done.final_loss != 0) == moves


def test_a_batch_without_a_masked_token_is_no_division_by_zero(tmp_path):
    def data(step, rank, world):
        return Step(micro_batches=[Batch()], first_sample=0, count=0, tokens=1)

    settings = Settings(
        steps=1, learning_rate=0.1, warmup_steps=0, weight_decay=0.0, seed=0, dropout=False
    )
    fit(context(tmp_path, {}), Objective(), data, settings, width=8)
