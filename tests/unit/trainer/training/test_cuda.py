"""What only a GPU can show: its losses, its gradients, its exchange. Skipped without one."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from transformers import PreTrainedModel

from lingraft.families import family_of
from lingraft.stage import Execution
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.stages.embed import embed, train_embeddings_only
from lingraft_trainer.training.lm import FrozenObjective, LmObjective, heldout_score
from lingraft_trainer.training.parallel import data_parallel
from lingraft_trainer.training.precision import Precision, autocast
from tests.support.tiny import (
    MASKED_TYPES,
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    tiny_model,
    training,
)
from tests.unit.trainer.models.test_frozen import MASKS, PIECES, QUICK, batch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU")
CPU, GPU = torch.device("cpu"), torch.device("cuda")


def moved(model: Any, device: torch.device) -> PreTrainedModel:
    """The model on the device; transformers' own `to` has no types."""
    return model.to(device)


def gradient(
    kind: type[nn.Module],
    model_type: str,
    device: torch.device,
    precision: Precision = "fp32",
    *,
    pieces: str = "packed and padded",
    mask: str = "as usual",
    exchanged: bool = False,
) -> Tensor:
    """Of the token embeddings, whose every row the loss reaches."""
    model, family = moved(tiny_model(model_type), device), family_of(model_type)
    train_embeddings_only(model)
    objective = kind(model, family)
    if exchanged:
        objective = data_parallel(objective, precision)
    with autocast(precision, device):
        loss = objective(batch(PIECES[pieces], mask, model_type).to(device))
    loss.backward()
    found = embeddings(model).weight.grad
    assert found is not None
    return found.cpu()


def error(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("kind", [FrozenObjective, LmObjective])
@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_gradients_are_the_cpus(model_type: str, kind: type[nn.Module], pieces: str) -> None:
    if kind is FrozenObjective and not family_of(model_type).frozen:
        pytest.skip("it goes by transformers' own forward pass")
    exact = gradient(kind, model_type, CPU, pieces=pieces)
    assert error(gradient(kind, model_type, GPU, pieces=pieces), exact) < 1e-4


@pytest.mark.parametrize("mask", MASKS)
def test_few_masked_tokens_or_none(mask: str) -> None:
    exact = gradient(FrozenObjective, "roberta", CPU, mask=mask)
    found = gradient(FrozenObjective, "roberta", GPU, mask=mask)
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("model_type", QUICK)
def test_in_bf16_the_frozen_body_is_as_near_to_fp32_as_the_plain_path(model_type: str) -> None:
    exact = gradient(LmObjective, model_type, CPU)
    plain, frozen = (
        error(gradient(kind, model_type, GPU, "bf16"), exact)
        for kind in (LmObjective, FrozenObjective)
    )
    assert 0 < frozen < 2 * plain < 0.5


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-4), ("bf16", 2e-2)])
def test_nccl_brings_the_gradient_back(precision: Precision, most: float, tmp_path: Path) -> None:
    alone = gradient(FrozenObjective, "roberta", GPU, precision)
    dist.init_process_group("nccl", f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        together = gradient(FrozenObjective, "roberta", GPU, precision, exchanged=True)
    finally:
        dist.destroy_process_group()
    assert error(together, alone) < most


def test_a_run_learns_what_it_learns_on_a_cpu_and_twice_the_same(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    corpus = tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")

    def losses(name: str, device: torch.device, precision: Literal["fp32", "bf16"]) -> list[float]:
        params = {"method": "Standard", "init": "random", "training": training(steps=60)}
        ctx = context(tmp_path / name, params, model=base, base=base, corpus=corpus)
        ctx.device, ctx.execution = device, Execution(precision=precision, threads=1)
        return [point["loss"] for point in embed(ctx).metrics["curve"]]

    exact = losses("cpu", CPU, "fp32")
    found = losses("gpu", GPU, "fp32")
    assert found == pytest.approx(exact, rel=1e-3)
    assert losses("gpu-again", GPU, "fp32") == found
    low = losses("bf16", GPU, "bf16")
    assert low == pytest.approx(exact, rel=0.05) and losses("bf16-again", GPU, "bf16") == low


def test_held_out_text_scores_the_same(tmp_path: Path) -> None:
    corpus = tiny_corpus("roberta", TARGET_WORDS, tmp_path)
    text, family = PackedText(corpus / "heldout"), family_of("roberta")
    on_cpu, on_gpu = (
        heldout_score(moved(tiny_model("roberta"), device), family, text, where="")
        for device in (CPU, GPU)
    )
    assert on_gpu.loss == pytest.approx(on_cpu.loss, rel=1e-4)
