"""The training loop of every stage: data parallel, resumable, deterministic.

It knows nothing of languages or models: an objective gives the summed loss of a
micro-batch, the data give one worker's micro-batches of an update and the global count that
the sum is divided by (a mean of workers' means would be wrong).
"""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lingraft.errors import UserError
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.ahead import Ahead
from lingraft_trainer.training.checkpoints import Checkpoints
from lingraft_trainer.training.clock import Clock
from lingraft_trainer.training.interrupts import deferred
from lingraft_trainer.training.parallel import data_parallel
from lingraft_trainer.training.precision import Precision, autocast, choose
from lingraft_trainer.training.schedule import learning_rate
from lingraft_trainer.training.sharded import clip, groups_of, is_sharded, rounds
from lingraft_trainer.training.state import Best, Trainer, restore

CURVE_POINTS = 200


class Batch(Protocol):
    """Anything that can be moved to a device."""

    @property
    def rows(self) -> int:
        """Samples in it."""
        ...

    def to(self, device: torch.device) -> Any:
        """The batch on that device."""
        ...


B = TypeVar("B", bound=Batch)


@dataclass(frozen=True)
class Step(Generic[B]):
    """One worker's share of one update."""

    micro_batches: list[B]
    first_sample: int
    """Global number of this worker's first sample in the batch; dropout is drawn from it."""
    count: int
    """What the summed loss is divided by, over all workers."""
    tokens: int
    """Tokens of the update over all workers, padding left out."""
    idle: bool = False
    """More workers than samples: this one only takes part, with a sample that counts nothing."""


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of a run; AdamW as in RoBERTa: betas (0.9, 0.98), clip 1."""

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    seed: int
    dropout: bool
    field: str = "spec"
    """The resource's field with the learning rate, for errors."""
    eps: float = 1e-6
    """AdamW's; RoBERTa's by default."""


@dataclass
class Fit:
    """What a run did; sums over all of its attempts."""

    tokens: int = 0
    count: int = 0
    seconds: float = 0.0
    final_loss: float = float("nan")
    curve: list[dict[str, float]] = field(default_factory=list[dict[str, float]])


AfterStep = Callable[[int], None]


def fit(
    ctx: StageContext,
    objective: nn.Module,
    data: Callable[[int, int, int], Step[Any]],
    settings: Settings,
    *,
    width: int,
    phase: str = "training",
    after_step: AfterStep | None = None,
    best: Best | None = None,
) -> Fit:
    """Train the objective's parameters that require a gradient.

    Args:
        ctx: Where progress goes and checkpoints lie; its execution says how to run.
        objective: `objective(micro_batch)` is the summed loss. Changed in place.
        data: `data(step, rank, world)` is one worker's share of an update.
        settings: Hyperparameters.
        width: Hidden size, for the choice of the precision.
        phase: What to call this in the progress.
        after_step: Called after each update with the number of updates done.
        best: Kept in checkpoints, for an `after_step` that looks for the best epoch.

    Raises:
        KeyboardInterrupt: The process was asked to stop; a checkpoint was written first.
        UserError: The loss or its gradient is no number; nothing of that update is kept.
    """
    rank, world = ctx.rank, ctx.world
    device = ctx.device
    objective.to(device).train(settings.dropout)
    parameters = {n: p for n, p in objective.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        groups_of(parameters.values()),
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    precision = choose(ctx.execution.precision, device, width)
    state = Trainer(parameters, optimizer, precision, best or Best())
    done = Fit()
    start = restore(ctx, state, done)
    ctx.environment["precision"] = state.precision
    if start:
        ctx.environment["resumedFrom"] = start
    apart = is_sharded(parameters.values())
    ctx.environment["sharded"] = apart
    model = data_parallel(objective, state.precision) if world > 1 and not apart else objective
    clock = Clock(ctx, settings.steps, phase)
    with (
        deferred() as stop_requested,
        Ahead(lambda step: data(step, rank, world), settings.steps) as ahead,
        Checkpoints(ctx, state, done) as checkpoints,
    ):
        for step in range(start, settings.steps):
            began = time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(
                    step,
                    peak=settings.learning_rate,
                    warmup=settings.warmup_steps,
                    steps=settings.steps,
                )
            part = ahead(step)
            loss, gradient = _update(model, part, state, settings, device, step, world)
            _refuse_what_is_no_number(loss, gradient, step, settings, state.precision)
            done.tokens += part.tokens
            done.count += part.count
            done.seconds += time.perf_counter() - began
            done.final_loss = loss
            every = max(1, settings.steps // CURVE_POINTS)
            if (step + 1) % every == 0 or step + 1 == settings.steps:
                done.curve.append(
                    {"step": step + 1, "loss": round(loss, 5), "seconds": round(done.seconds, 2)}
                )
            clock.tick(step + 1, loss, part.tokens, optimizer.param_groups[0]["lr"])
            if after_step is not None:
                after_step(step + 1)
            stopping = stop_requested()
            checkpoints.after(step + 1, stopping=stopping)
            if stopping:
                raise KeyboardInterrupt
    return done


def _update(
    model: nn.Module,
    part: Step[Any],
    state: Trainer,
    settings: Settings,
    device: torch.device,
    step: int,
    world: int,
) -> tuple[float, float]:
    """One update of the parameters; returns the global mean loss and the gradient's norm."""
    # A batch may hold no masked token at all; its loss is then 0.
    count = max(1, part.count)
    share = 0.0 if part.idle else 1.0
    total = torch.zeros((), device=device)
    sample, apart = part.first_sample, is_sharded(state.parameters.values())
    batches = part.micro_batches
    weights = [share] * len(batches)
    if apart:  # who has fewer than others takes part with one that counts nothing
        weights += [0.0] * (rounds(len(batches), device) - len(batches))
        batches = batches + batches[-1:] * (len(weights) - len(batches))
    for i, (batch, share) in enumerate(zip(batches, weights, strict=True)):
        last = i + 1 == len(batches)
        if settings.dropout:
            # A function of the samples, so that a resumed run draws the same.
            torch.manual_seed(hash((settings.seed, step, sample)))
            sample += batch.rows
        # Gradients that are shared out are summed at once: kept whole they would not fit.
        now = last or world == 1 or apart
        wait = nullcontext() if now else model.no_sync()  # type: ignore[operator]
        with wait:
            with autocast(state.precision, device):
                loss: Tensor = model(batch.to(device))
            # DDP averages gradients over workers; the sum is wanted.
            (loss * (share * world / count)).backward()
        total += share * loss.detach()
    trained = state.parameters.values()
    norm = clip(trained, 1.0) if apart else torch.nn.utils.clip_grad_norm_(trained, 1.0)
    state.optimizer.step()
    # torch sets gradients to nought at once for all, and cannot where some are shared out.
    state.optimizer.zero_grad(set_to_none=apart)
    if world > 1:
        dist.all_reduce(total)
    summed, gradient = torch.stack([total, norm.to(total.dtype)]).tolist()  # one wait for a GPU
    return summed / count, gradient


def _refuse_what_is_no_number(
    loss: float, gradient: float, step: int, settings: Settings, precision: Precision
) -> None:
    """End a run that diverged: bf16 has fp32's range, so there is no spike to wait out."""
    if math.isfinite(loss) and math.isfinite(gradient):
        return
    what = "gradient" if math.isfinite(loss) else "loss"
    raise UserError(
        f"the {what} of update {step + 1} is no number (NaN or infinite): training in {precision} "
        f"diverged at a peak of {settings.learning_rate:g}; lower it",
        where=settings.field,
    )


def device_seconds(seconds: float, world: int, device: torch.device) -> float:
    """Seconds times the devices at work: GPUs, or CPU threads where there are none."""
    return seconds * world * (1 if device.type == "cuda" else torch.get_num_threads())
