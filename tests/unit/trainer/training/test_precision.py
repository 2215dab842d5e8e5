"""bf16 where it was asked for, or where it was measured to be faster."""

import pytest
import torch

from lingraft_trainer.training import precision
from lingraft_trainer.training.precision import autocast, choose, matmul_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize("asked", ["fp32", "bf16"])
def test_what_is_asked_for_is_not_measured(asked, monkeypatch) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda dtype, width: pytest.fail("measured"))
    assert choose(asked, CPU, 64) == asked


@pytest.mark.parametrize(
    ("gain", "chosen"), [(0.1, "fp32"), (1.0, "fp32"), (1.2, "fp32"), (9.0, "bf16")]
)
def test_auto_takes_bf16_only_where_it_is_clearly_faster(gain, chosen, monkeypatch) -> None:
    seconds = {torch.float32: 1.0, torch.bfloat16: 1.0 / gain}
    monkeypatch.setattr(precision, "_seconds", lambda dtype, width: seconds[dtype])
    assert choose("auto", CPU, 64) == chosen


def test_the_measurement_leaves_the_random_numbers_of_training_alone() -> None:
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    choose("auto", CPU, 16)
    assert torch.equal(torch.randn(4), expected)


def test_products_run_in_the_context_s_type() -> None:
    tensor = torch.ones(2, 2)
    with autocast("fp32", CPU):
        assert matmul_dtype(tensor) == (tensor @ tensor).dtype == torch.float32
    with autocast("bf16", CPU):
        assert matmul_dtype(tensor) == (tensor @ tensor).dtype == torch.bfloat16
    assert matmul_dtype(tensor) == torch.float32
