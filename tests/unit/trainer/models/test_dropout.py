"""Quick dropout drops the share that was asked, by torch's seed."""

import pytest
import torch

from lingraft_trainer.models.dropout import Dropout, drop


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_is_dropped_and_the_mean_stays(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.rand(1000, 1001) + 0.5
    found = drop(x.to(dtype), p).float()
    kept = found != 0
    assert float(kept.float().mean()) == pytest.approx(1 - p, abs=0.002)
    assert float((found * kept).sum() / (x * kept).sum()) == pytest.approx(1 / (1 - p), rel=1e-3)


def test_what_is_dropped_depends_on_the_seed_alone_and_not_on_its_neighbour() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.stack([drop(torch.ones(999), 0.5) for _ in range(100)]) == 0

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    mask = drawn(1).double()
    assert not torch.equal(mask[0], mask[1])
    for apart in (1, 2, 3, 4):  # four of them come of one random number
        both = (mask[:, :-apart] * mask[:, apart:]).mean()
        assert float(both) == pytest.approx(0.25, abs=0.01)


def test_all_and_nothing() -> None:
    x = torch.randn(7)
    assert drop(x, 0.0) is x and not drop(x, 1.0).any()
    dropout = Dropout(0.5).eval()
    assert torch.equal(dropout(x), x)
