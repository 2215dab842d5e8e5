"""Layers whose numbers workers share out: several train what one of them cannot hold (FSDP).

torch's FSDP2 cuts each parameter of a layer along its first dimension, a part for each worker. A
layer is whole while it works, its gradient until it is summed; AdamW sees parts alone. Token
embeddings, which are frozen, and a task's small head are held by each worker. Parts are put
together one tensor at a time where a checkpoint or an artifact is written, so that no worker
holds the whole.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from lingraft.families import Family
from lingraft.tensors import Entry, head
from lingraft_trainer.models.family import encoder_layers

WHOLE = "whole.safetensors"


def shard(model: PreTrainedModel, family: Family, device: torch.device) -> None:
    """Leave each worker its part of every layer, in fp32; in place. All layers train.

    Args:
        model: As its checkpoint has it, on the CPU: layers are widened one by one.
        family: The model's.
        device: Where this worker computes.
    """
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for layer in encoder_layers(model, family):
        # Each is a root of its own, which would stay whole after its forward pass.
        fully_shard(layer.float().requires_grad_(True), mesh=mesh, reshard_after_forward=True)
    for parameter in model.parameters():
        if not isinstance(parameter, DTensor):
            parameter.data = parameter.data.float()


def is_sharded(tensors: Iterable[Tensor]) -> bool:
    """Whether workers have a part each."""
    return any(isinstance(one, DTensor) for one in tensors)


def groups_of(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """AdamW's groups: vectors do not decay, and what is shared out is updated by itself."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for one in parameters:
        groups.setdefault((isinstance(one, DTensor), one.ndim < 2), []).append(one)
    return [
        {"params": some} | ({"weight_decay": 0.0} if vectors else {})
        for (_, vectors), some in groups.items()
    ]


def own(tensor: Tensor) -> Tensor:
    """This worker's part of a tensor; all of one that is not shared out."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def part_of(whole: Tensor, like: Tensor) -> Tensor:
    """This worker's part of a tensor that every worker has, cut as another one is.

    Args:
        whole: On the CPU.
        like: What it is to be a part beside; not shared out: all of it is wanted.
    """
    there = whole.to(like.device)
    if not isinstance(like, DTensor):
        return there
    mesh, cut = like.device_mesh, like.placements
    return distribute_tensor(there, mesh, cut, src_data_rank=None)  # nothing is sent


def put_back(part: Tensor, like: Tensor) -> Tensor:
    """A part that lay on the CPU as a tensor that is shared out like another one."""
    if not isinstance(like, DTensor):
        return part
    mesh, cut = like.device_mesh, like.placements
    return DTensor.from_local(
        part.to(like.device), mesh, cut, shape=like.shape, stride=like.stride()
    )


def agreed(wish: bool, device: torch.device) -> bool:
    """What the first worker wishes."""
    asked = torch.tensor(int(wish), device=device)
    dist.broadcast(asked, src=0)
    return bool(asked)


def rounds(own_batches: int, device: torch.device) -> int:
    """The most micro-batches that any worker has: each forward pass is of all of them."""
    most = torch.tensor(own_batches, device=device)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return int(most)


def clip(parameters: Iterable[nn.Parameter], most: float) -> Tensor:
    """Bound the length of the gradient over all workers, in place, and return what it was.

    First what each worker holds by itself gets the mean of their gradients, as the parts have.

    Args:
        parameters: Those that train, some shared out.
        most: The length that is left, at most.
    """
    parts, wholes = [list[nn.Parameter](), list[nn.Parameter]()]
    for one in parameters:
        (parts if isinstance(one, DTensor) else wholes).append(one)
    for one in wholes:
        if one.grad is None:
            one.grad = torch.zeros_like(one)
        dist.all_reduce(one.grad)
        one.grad /= dist.get_world_size()
    lengths: list[Tensor] = []
    for some in filter(None, (parts, wholes)):
        length = torch.nn.utils.get_total_norm([one.grad for one in some if one.grad is not None])
        lengths.append(length.full_tensor() if isinstance(length, DTensor) else length)
    total = torch.stack(lengths).norm()
    for some in filter(None, (parts, wholes)):
        torch.nn.utils.clip_grads_with_norm_(some, most, total)
    return total


def write_whole(tensors: Mapping[str, Tensor], file: Path | None) -> None:
    """Put tensors together, one by one, and write them as safetensors. Called by all workers.

    Args:
        tensors: By name, shared out or not, of one type each: fp32 or whole numbers.
        file: Where the first worker writes; None for the others.
    """
    at, entries = 0, list[tuple[str, Entry]]()
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        entries.append((name, Entry(_NAMES[tensor.dtype], tuple(tensor.shape), at, at + size)))
        at += size
    out = None if file is None else file.open("wb")
    try:
        if out is not None:
            out.write(head(entries))
        for tensor in tensors.values():
            whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            if out is not None:
                out.write(whole.detach().cpu().contiguous().numpy().data)
    finally:
        if out is not None:
            out.close()


_NAMES = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}


def save_whole(model: nn.Module, folder: Path, scratch: Path, *, first: bool) -> None:
    """Write a model as `save_pretrained` does. Called by all workers.

    Args:
        model: Shared out.
        folder: Where the first worker writes.
        scratch: For the tensors, which go from there to the checkpoint without being held.
        first: Whether this is that worker.
    """
    file, tensors = scratch / WHOLE, dict[str, Tensor]()
    for name, one in model.state_dict(keep_vars=True).items():
        if not any(one is other for other in tensors.values()):  # a tied one is written once
            tensors[name] = one
    write_whole(tensors, file if first else None)
    if first:
        saving: Any = model
        saving.save_pretrained(folder, state_dict=load_file(file))
        file.unlink()
