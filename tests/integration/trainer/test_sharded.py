"""Two workers that share a body out learn what one learns, and go on from one's checkpoint."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from lingraft_trainer.machine.local_ray import join
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages import finetune as stage
from lingraft_trainer.training import checkpoints
from tests.support.tiny import context, tiny_base, tiny_model
from tests.unit.trainer.stages.test_finetune import ANIMALS, params, topic_rows, write

pytestmark = pytest.mark.timeout(600)
WORLD, STOP, LAYERS = 2, 7, 3
FORMATS = ("classification", "instruction")
KEPT = "checkpoints"


def rows_of(format: str) -> list[dict[str, Any]]:
    if format == "classification":
        return topic_rows(7)
    return [
        {"prompt": f"the {animal} {i % 3 + 1}", "completion": f"sat on a mat {i % 3 + 1}"}
        for i in range(7)
        for animal in ANIMALS
    ]


def run(
    folder: Path, name: str, format: str, *, rank: int = 0, world: int = 1, resume: bool = False
) -> StageContext:
    """One worker of a fine-tuning; the first one keeps its last checkpoint in `folder`."""
    kept = folder / KEPT
    wanted = params(format, epochs=2, batchSize=5)  # so that workers' shares differ
    inputs = {"base": folder / "base", "train": folder / f"{format}.jsonl"}
    ctx = context(folder / f"{name}-{rank}", wanted, **inputs)

    def save(step: int, written: Path) -> None:
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(written, kept)

    ctx = replace(
        ctx,
        rank=rank,
        world=world,
        execution=ctx.execution.model_copy(update={"micro_batch_tokens": 48}),
        save_checkpoint=save,
        load_checkpoint=lambda: kept if resume else None,
    )
    stage.finetune(ctx)
    return ctx


class Stopped(Exception):
    """Of all workers at once, before an update."""


class StoppedData(stage.TaskData):
    """Data that end with an update."""

    def __call__(self, step: int, rank: int, world: int) -> Any:
        if step == STOP:
            raise Stopped
        return super().__call__(step, rank, world)


def worker(rank: int, folder: Path) -> None:
    """Everything that two workers do: whole runs, one that is stopped, and its resumption."""
    torch.set_num_threads(1)
    changed: Any = stage
    changed.memory_of_worker = lambda device, beside: 0  # what a worker is asked for has no room
    join(f"{folder}/rendezvous", rank, WORLD)
    for format in FORMATS:
        ctx = run(folder, f"two-{format}", format, rank=rank, world=WORLD)
        assert ctx.environment["sharded"]
    whole, format = stage.TaskData, "classification"
    changed.TaskData, checkpoints.CHECKPOINT_SECONDS = StoppedData, 0.0
    try:
        run(folder, "stopped", format, rank=rank, world=WORLD)
    except Stopped:
        pass
    else:
        raise AssertionError("it was not stopped")
    changed.TaskData, checkpoints.CHECKPOINT_SECONDS = whole, 1e9
    dist.barrier()
    run(folder, "resumed", format, rank=rank, world=WORLD, resume=True)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    tiny_base("llama", folder / "base", layers=LAYERS)
    for format in FORMATS:
        write(folder / f"{format}.jsonl", rows_of(format))
    spawn(worker, (folder,), nprocs=WORLD, join=True)
    return folder


def learned(folder: Path, name: str) -> dict[str, Tensor]:
    return load_file(folder / f"{name}-0" / "out" / "model.safetensors")


def same(found: dict[str, Tensor], expected: dict[str, Tensor], within: float) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=within, atol=within, msg=name)


@pytest.mark.parametrize("format", FORMATS)
def test_two_that_share_it_out_learn_what_one_learns(world: Path, format: str) -> None:
    assert not run(world, f"one-{format}", format).environment["sharded"]
    one = learned(world, f"one-{format}")
    same(learned(world, f"two-{format}"), one, 1e-4)
    base = load_file(world / "base" / "model.safetensors")
    moved = {name: float((one[name] - base[name]).abs().max()) for name in one if name in base}
    assert max(moved.values()) > 1e-2, "nothing was learned: equality would show nothing"
    assert moved["model.embed_tokens.weight"] == 0


def test_what_was_stopped_goes_on_from_its_checkpoint(world: Path) -> None:
    same(learned(world, "resumed"), learned(world, "two-classification"), 1e-6)


def test_a_checkpoint_is_whole_and_any_number_of_workers_goes_on_from_it(world: Path) -> None:
    state = load_file(world / KEPT / "state.safetensors")
    shapes = {
        name: one.shape for name, one in tiny_model("llama", layers=LAYERS).named_parameters()
    }
    for name in (name for name in shapes if ".layers." in name):
        for part in ("parameter", "exp_avg", "exp_avg_sq"):
            assert state[f"{part}.model.{name}"].shape == shapes[name]
    run(world, "one-resumed", "classification", resume=True)
    same(learned(world, "one-resumed"), learned(world, "two-classification"), 1e-4)
