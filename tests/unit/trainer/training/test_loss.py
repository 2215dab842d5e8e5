"""The chunked masked-only loss is the plain loss of transformers, and so is its gradient."""

import pytest
import torch
from torch.nn.functional import cross_entropy, embedding

from lingraft_trainer.training import loss as loss_module
from lingraft_trainer.training.loss import lookup, tied_cross_entropy


def plain(features, weight, bias, labels):
    return cross_entropy(features @ weight.t() + bias, labels, reduction="sum")


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.bfloat16, 0.01)])
@pytest.mark.parametrize("chunk_elements", [1, 22, 60, 1 << 25])
def test_loss_and_gradients_are_the_plain_ones(monkeypatch, chunk_elements, dtype, most):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", {"cpu": chunk_elements})
    monkeypatch.setattr(loss_module, "BLOCK", 4)  # the last one holds 3 of 11 rows
    torch.manual_seed(0)
    leaves = [torch.randn(7, 5), torch.randn(11, 5), torch.randn(11)]
    labels = torch.randint(0, 11, (7,))
    ours = [t.clone().requires_grad_() for t in leaves]
    theirs = [t.clone().requires_grad_() for t in leaves]
    loss = tied_cross_entropy(ours[0], ours[1], ours[2], labels, dtype=dtype)
    reference = plain(theirs[0], theirs[1], theirs[2], labels)
    (loss * 0.25).backward()
    (reference * 0.25).backward()
    torch.testing.assert_close(loss, reference, atol=0, rtol=most)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None and b.grad is not None and a.grad.dtype == torch.float32
        assert (a.grad - b.grad).norm() < most * b.grad.norm()


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize("chunk_elements", [22, 1 << 25])
def test_logits_that_are_bent_below_a_cap_are_the_plain_ones(
    monkeypatch, chunk_elements, dtype, most
):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", {"cpu": chunk_elements})
    torch.manual_seed(0)
    leaves, labels = [torch.randn(7, 5), torch.randn(11, 5), torch.randn(11)], torch.arange(6)
    ours, theirs = ([t.clone().requires_grad_() for t in leaves] for _ in range(2))
    found = tied_cross_entropy(ours[0], ours[1], ours[2], labels, dtype=dtype, cap=2.0)
    logits = torch.tanh((theirs[0] @ theirs[1].t() + theirs[2]) / 2.0) * 2.0
    wanted = cross_entropy(logits[:6], labels, reduction="sum")
    for one in (found, wanted):
        (one * 0.25).backward()
    torch.testing.assert_close(found, wanted, atol=0, rtol=most)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None and b.grad is not None
        assert (a.grad - b.grad).norm() < most * b.grad.norm()


@pytest.mark.parametrize("padding", [None, 3])
@pytest.mark.parametrize("chunk_elements", [22, 1 << 25])
def test_both_ends_add_to_one_gradient_as_autograd_would(monkeypatch, chunk_elements, padding):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", {"cpu": chunk_elements})
    torch.manual_seed(0)
    start, bias = torch.randn(11, 5), torch.zeros(11)
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    for factor in (0.5, 3.0):
        ids, labels = torch.randint(0, 11, (2, 7)), torch.randint(0, 11, (14,))
        ids[0, :3] = 3  # one id several times; the padding's where there is one
        found = lookup(ours, ids, padding).tanh().flatten(0, 1)
        (tied_cross_entropy(found, ours, bias, labels, dtype=torch.float32) * factor).backward()
        usual = embedding(ids, theirs, padding_idx=padding).tanh().flatten(0, 1)
        (plain(usual, theirs, bias, labels) * factor).backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_a_second_micro_batch_makes_no_second_matrix():
    weight = torch.randn(50, 4, requires_grad=True)
    held = []
    for _ in range(2):
        features = lookup(weight, torch.tensor([1, 2]), None)
        tied_cross_entropy(
            features, weight, torch.zeros(50), torch.tensor([3, 4]), dtype=torch.float32
        ).backward()
        assert weight.grad is not None
        held.append(weight.grad.data_ptr())
    assert held[0] == held[1]


def test_a_frozen_decoder_gets_no_gradient():
    features = torch.randn(3, 4, requires_grad=True)
    weight, bias = torch.randn(6, 4), torch.randn(6)
    loss = tied_cross_entropy(features, weight, bias, torch.tensor([0, 5, 2]), dtype=torch.float32)
    loss.backward()
    assert features.grad is not None
    assert weight.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("chunk_elements", [33, 1 << 25])
def test_what_a_batch_is_padded_with_counts_nothing(monkeypatch, chunk_elements, dtype):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", {"cpu": chunk_elements})
    torch.manual_seed(0)
    leaves, labels = [torch.randn(8, 5), torch.randn(11, 5), torch.randn(11)], torch.arange(4)
    padded = [t.clone().requires_grad_() for t in leaves]
    without = [
        leaves[0][:4].clone().requires_grad_(),
        *(t.clone().requires_grad_() for t in leaves[1:]),
    ]
    losses = [
        tied_cross_entropy(given[0], given[1], given[2], labels, dtype=dtype)
        for given in (padded, without)
    ]
    for one in losses:
        one.backward()
    torch.testing.assert_close(*losses)
    assert padded[0].grad is not None and not padded[0].grad[4:].any()
    torch.testing.assert_close(padded[0].grad[:4], without[0].grad)
    for one, other in zip(padded[1:], without[1:], strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_in_bf16_the_matrix_is_the_one_of_now_however_it_was_changed():
    torch.manual_seed(0)
    weight, bias = torch.randn(11, 5, requires_grad=True), torch.zeros(11)
    features, labels = torch.randn(3, 5), torch.tensor([1, 2, 3])
    optimizer = torch.optim.AdamW([weight], lr=0.5, fused=True)

    def loss(matrix: torch.Tensor) -> float:
        found = tied_cross_entropy(features, matrix, bias, labels, dtype=torch.bfloat16)
        if found.requires_grad:
            found.backward()
        return float(found.detach())

    def changed_by_the_optimizer() -> None:
        optimizer.step()

    @torch.no_grad()
    def changed_by_hand() -> None:
        weight.copy_(torch.randn(11, 5))

    seen = [loss(weight)]
    for change in (changed_by_the_optimizer, changed_by_hand):
        change()
        seen.append(loss(weight))
        assert seen[-1] == loss(weight.detach().clone())  # which was never cast
    assert len(set(seen)) == 3


def test_no_masked_position_gives_zero_loss_and_zero_gradient():
    weight = torch.randn(6, 4, requires_grad=True)
    loss = tied_cross_entropy(
        torch.zeros(0, 4),
        weight,
        torch.zeros(6),
        torch.zeros(0, dtype=torch.long),
        dtype=torch.float32,
    )
    loss.backward()
    assert float(loss) == 0.0
    assert weight.grad is not None and not weight.grad.any()


def test_extreme_logits_stay_finite():
    features = torch.full((2, 4), 300.0, requires_grad=True)
    weight = torch.full((6, 4), 300.0)
    loss = tied_cross_entropy(
        features, weight, torch.zeros(6), torch.tensor([1, 2]), dtype=torch.float32
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert features.grad is not None and torch.isfinite(features.grad).all()
