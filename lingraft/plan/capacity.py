"""Stages that a worker cannot hold, by formula: refused before anything is spent. Pure."""

from collections.abc import Callable, Collection, Iterator

from lingraft.errors import UserError
from lingraft.memory import LEAST, Memory, sharded
from lingraft.plan.memory import Worker, memory_of
from lingraft.plan.model import Plan, PlannedStage
from lingraft.pools import POOL_OF, Pool, Pools, amount
from lingraft.stage import StageKind

SHARDED: frozenset[StageKind] = frozenset({"finetune"})
"""Kinds whose numbers workers share out where one cannot hold them."""
INSTEAD: dict[StageKind, str] = {
    "pretrain": "pretrain a smaller base",
    "mini": "take fewer of the base's layers (mini.layers, mini.newLayers)",
    "embed": "choose a smaller vocabulary or, of a masked base, a shallower mini-model",
    "finetune": "take more workers, which share it out, or leave the task out",
    "graft": "leave tasks that are fine-tuned out",
}


def check_pools(plan: Plan, pools: Pools, done: Collection[str] = frozenset()) -> None:
    """Refuse a plan of which a pool's worker cannot hold a stage.

    How much memory a GPU has no pool says: pools with GPUs are not judged.

    Args:
        plan: The plan.
        pools: With everything that applies, the chart's and the resource's.
        done: Names of stages that are cached.

    Raises:
        UserError: At least three quarters of a stage's bytes (`memory.LEAST`) are more than its
            pool's memory, even one row at a time.
    """
    for planned in _left(plan, done):
        kind = planned.stage.kind
        name = POOL_OF[kind]
        pool: Pool | None = getattr(pools, name)
        if pool is None or pool.memory is None or pool.gpus:
            continue
        need = least(plan, planned, workers=pool.workers or 1)
        if need is not None and need.total * LEAST > amount(pool.memory):
            raise UserError(
                f"{sentence(planned, need)}, and a worker of pool {name} has {pool.memory}: give "
                f"it more memory, or {INSTEAD[kind]}",
                where=f"spec.pools.{name}.memory",
            )


def check_machine(
    plan: Plan,
    bytes_of_worker: int,
    *,
    workers: int,
    gpu: bool,
    done: Collection[str] = frozenset(),
) -> None:
    """Refuse a plan of which this machine cannot hold a stage.

    Args:
        plan: The plan.
        bytes_of_worker: What one worker has: a GPU's memory, or its share of the machine's.
        workers: How many there are, at least one.
        gpu: Whether they have one each.
        done: Names of stages that are cached.

    Raises:
        UserError: As `check_pools`.
    """
    for planned in _left(plan, done):
        need = least(plan, planned, workers=workers, gpu=gpu)
        if need is not None and need.total * LEAST > bytes_of_worker:
            has = "a GPU of this machine" if gpu else "a worker on this machine"
            raise UserError(
                f"{sentence(planned, need)}, and {has} has {_gib(bytes_of_worker)} GiB: run it "
                f"where there is more, on a cluster say, or {INSTEAD[planned.stage.kind]}",
                where=f"stage {planned.name}",
            )


def least(plan: Plan, planned: PlannedStage, *, workers: int, gpu: bool = False) -> Memory | None:
    """The fewest bytes that a worker can do a stage with: row by row, and shared out if it may."""
    need = memory_of(plan, planned, Worker(micro_batch_tokens=1, gpu=gpu))
    if need is not None and workers > 1 and planned.stage.kind in SHARDED:
        shared = sharded(need, plan.shape, workers)
        return min(need, shared, key=lambda one: one.total)
    return need


def sentence(planned: PlannedStage, need: Memory) -> str:
    """What a stage has to hold, the largest parts by name."""
    parts: dict[str, Callable[[Memory], int]] = {
        "weights": lambda one: one.weights,
        "gradients": lambda one: one.gradients,
        "optimizer": lambda one: one.optimizer,
        "activations": lambda one: one.activations,
        "logits": lambda one: one.logits,
    }
    sizes = sorted(((get(need), name) for name, get in parts.items()), reverse=True)
    said = ", ".join(f"{name} {_gib(size)}" for size, name in sizes[:3])
    return f"stage {planned.name} has to hold about {_gib(need.total)} GiB ({said})"


def _left(plan: Plan, done: Collection[str]) -> Iterator[PlannedStage]:
    return (planned for planned in plan.stages if planned.name not in done)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}"
