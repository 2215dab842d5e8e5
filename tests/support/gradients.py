"""`python -m tests.support.gradients FOLDER`: the loop in one process and in two, in JSON.

In a network namespace of its own (tools/loopback.sh), so that `lo` carries nothing else.
"""

import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lingraft.stage import Execution
from lingraft_trainer.machine.local_ray import join
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.loop import Settings, Step, fit
from lingraft_trainer.training.loss import lookup, tied_cross_entropy
from lingraft_trainer.training.precision import Precision, matmul_dtype

VOCABULARY, HIDDEN, STEPS, ROWS = 4000, 64, 12, 64
GRADIENT = VOCABULARY * (HIDDEN + 1)
"""Numbers in it."""
RUNS: tuple[tuple[int, Precision], ...] = ((1, "fp32"), (2, "fp32"), (1, "bf16"), (2, "bf16"))


class Ids:
    """Tokens, each to be told from the one before it."""

    rows = ROWS

    def __init__(self, ids: Tensor) -> None:
        self.ids = ids

    def to(self, device: torch.device) -> "Ids":
        return self


class Objective(nn.Module):
    """A lookup and the tied decoder: the gradient's shape in `embed`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(VOCABULARY, HIDDEN)
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))

    def forward(self, batch: Ids) -> Tensor:
        features = lookup(self.table.weight, batch.ids, None) / 8
        dtype = matmul_dtype(features)
        labels = (batch.ids + 1) % VOCABULARY
        return tied_cross_entropy(features, self.table.weight, self.bias, labels, dtype=dtype)


def data(step: int, rank: int, world: int) -> Step[Ids]:
    """The same rows however many share them; two micro-batches each."""
    ids = torch.randint(VOCABULARY, (ROWS,), generator=torch.Generator().manual_seed(step % 3))
    mine = ids.chunk(world)[rank]
    return Step([Ids(part) for part in mine.chunk(2)], first_sample=0, count=ROWS, tokens=ROWS)


def run(folder: Path, rank: int, world: int, precision: Precision) -> None:
    """Train; the first worker writes the losses and what was learned."""
    torch.set_num_threads(1)
    if world > 1:
        join(str(folder / f"meet-{precision}"), rank, world)
    name = f"{world}-{precision}"
    scratch = folder / f"{name}-{rank}"
    scratch.mkdir()
    execution = Execution(precision=precision, threads=1)
    ctx = StageContext(
        params={},
        inputs={},
        out=scratch,
        scratch=scratch,
        execution=execution,
        rank=rank,
        world=world,
    )
    objective = Objective()
    settings = Settings(STEPS, 1e-1, 0, 0.0, 0, dropout=False)
    done = fit(ctx, objective, data, settings, width=HIDDEN)
    if rank == 0:
        torch.save(objective.state_dict(), folder / f"{name}.pt")
        losses = [point["loss"] for point in done.curve]
        (folder / f"{name}.json").write_text(json.dumps(losses))


def main(folder: Path) -> None:
    """All runs, one after the other, and the bytes that each put on the wire."""
    from bench.trainer.parallel import sent_on_loopback

    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__, "tests.support.gradients"])
    found: dict[str, Any] = {}
    for world, precision in RUNS:
        before = sent_on_loopback()
        workers = [
            forks.Process(target=run, args=(folder, rank, world, precision))
            for rank in range(world)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        found[f"{world}-{precision}"] = sent_on_loopback() - before
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
