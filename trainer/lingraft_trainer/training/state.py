"""A run's checkpoint: parameters, Adam's moments and what was done, as safetensors and JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn

from lingraft.errors import InfrastructureError
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.precision import Precision
from lingraft_trainer.training.sharded import is_sharded, own, part_of, put_back, write_whole

TENSORS, RECORD = "state.safetensors", "state.json"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Trainer:
    """What changes while training."""

    parameters: dict[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    precision: Precision
    best: "Best"


@dataclass
class Best:
    """The best epoch so far: it has to survive an interruption like everything else.

    Attributes:
        epoch: From 1; 0 before the first.
        score: On source dev, higher is better.
        scores: All of that epoch's scores.
        tensors: The parameters that were being trained, by name; where workers share them out
            this one's parts.
    """

    epoch: int = 0
    score: float = float("-inf")
    scores: dict[str, float] = field(default_factory=dict[str, float])
    tensors: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])

    def offer(self, model: nn.Module, epoch: int, score: float, scores: dict[str, float]) -> None:
        """Keep this epoch's parameters if they are better; of equals the first stays."""
        if score > self.score:
            self.epoch, self.score, self.scores = epoch, score, scores
            self.tensors = {n: own(p.detach()).cpu().clone() for n, p in _trained(model).items()}

    def restore(self, model: nn.Module) -> None:
        """Put the best epoch's parameters into the model."""
        with torch.no_grad():
            for name, parameter in _trained(model).items():
                own(parameter).copy_(self.tensors[name])


def _beside(state: Trainer, name: str) -> nn.Parameter:
    """The parameter that the best epoch's is of: those of an objective have its model's name."""
    of_model = (p for n, p in state.parameters.items() if n == name or n.endswith(f".{name}"))
    return next(of_model)


def _trained(module: nn.Module) -> dict[str, nn.Parameter]:
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def write(state: Trainer, done: object, step: int, folder: Path | None) -> None:
    """Write the state after `step` updates to files; on a CPU from where it lies.

    Where workers share it out all of them call this, and the first one has a folder.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in state.parameters.items():
        tensors[f"parameter.{name}"] = parameter.detach()
        for moment in MOMENTS:
            tensors[f"{moment}.{name}"] = state.optimizer.state[parameter][moment]
    record: dict[str, Any] = {
        "step": step,
        "precision": state.precision,
        "done": asdict(done),  # type: ignore[call-overload]
    }
    if state.best.epoch:
        best = state.best
        tensors |= {
            f"best.{name}": put_back(tensor, _beside(state, name))
            for name, tensor in best.tensors.items()
        }
        record["best"] = {"epoch": best.epoch, "score": best.score, "scores": best.scores}
    if is_sharded(tensors.values()):
        write_whole(tensors, None if folder is None else folder / TENSORS)
    elif folder is not None:
        save_file(tensors, folder / TENSORS)
    if folder is not None:
        (folder / RECORD).write_text(json.dumps(record))


def restore(ctx: StageContext, state: Trainer, done: object) -> int:
    """Go on from the stage's furthest complete checkpoint, whoever wrote it.

    The precision is the checkpoint's: changing it half-way would give a third result.

    Returns:
        The number of updates already done; 0 where there is no checkpoint.

    Raises:
        InfrastructureError: Workers could not load the same checkpoint.
    """
    folder = ctx.load_checkpoint()
    step = 0 if folder is None else _load(folder, state, done)
    if ctx.world > 1:
        _same_start(state, step)
    return step


def _load(folder: Path, state: Trainer, done: object) -> int:
    record = json.loads(Path(folder, RECORD).read_text())
    tensors = load_file(Path(folder, TENSORS))
    step = int(record["step"])
    with torch.no_grad():
        for name, parameter in state.parameters.items():
            own(parameter).copy_(own(part_of(tensors[f"parameter.{name}"], parameter)))
            state.optimizer.state[parameter] = {
                "step": torch.tensor(float(step), device=parameter.device),
                **{m: part_of(tensors[f"{m}.{name}"], parameter) for m in MOMENTS},
            }
    state.precision = record["precision"]
    for name, value in record["done"].items():
        setattr(done, name, value)
    for name, value in record.get("best", {}).items():
        setattr(state.best, name, value)
    prefix = "best."
    state.best.tensors = {
        name.removeprefix(prefix): own(part_of(t, _beside(state, name.removeprefix(prefix)))).cpu()
        for name, t in tensors.items()
        if name.startswith(prefix)
    }
    return step


def _same_start(state: Trainer, step: int) -> None:
    """All go on from one update, in one precision: the first worker's.

    Without a checkpoint each has measured its own precision, and they might differ.
    """
    chosen: list[Any] = [step, state.precision]
    dist.broadcast_object_list(chosen, src=0)
    if step != chosen[0]:
        raise InfrastructureError(
            f"workers found different checkpoints, of {step} and of {chosen[0]} updates"
        )
    state.precision = chosen[1]
