"""Where a worker computes, and how a batch gets there."""

import os

import torch
from torch import Tensor, nn

from lingraft.errors import OutsideError

UNUSABLE = (
    "no GPUs found",  # ProcessGroupNCCL
    "doesn't have NCCL built in",
    "No CUDA GPUs are available",
    "No HIP GPUs are available",
    "Torch not compiled with CUDA enabled",
    "Found no NVIDIA driver",
    "NVIDIA driver on your system is too old",
    "driver version is insufficient",
    "forward compatibility was attempted on non supported HW",
    "no kernel image is available",
    "Duplicate GPU detected",  # NCCL: two workers on one
)
"""What torch and NCCL say where image, driver and node do not fit: it is the same next time."""


class NoGpuError(OutsideError):
    """A GPU was asked for, and there is none that this image can use."""


ROOM_TO_WORK = 2 << 30
"""Bytes of a GPU that a forward pass takes beside the weights, about."""


def no_gpu(told: str) -> NoGpuError:
    """The one sentence for it, with what torch told."""
    return NoGpuError(
        f"a GPU was asked for, and none can be used here ({told}); take a trainer image whose CUDA "
        "or ROCm fits the nodes' driver, choose nodes that have GPUs, or set gpus: 0",
        where="pools.*.gpus",
    )


def tells_of_no_gpu(error: BaseException) -> str:
    """The line of an error that says so; empty where it is about something else."""
    lines = reversed(str(error).splitlines())  # Ray's begin with the traceback
    return next((x.strip() for x in lines if any(word in x for word in UNUSABLE)), "")


def device_of_this_worker(gpus: int) -> torch.device:
    """A GPU where there is one, for each worker of a node its own.

    Args:
        gpus: How many it was given; 0: none, or as many as there are on this machine.

    Raises:
        NoGpuError: It was given some, and cannot use them.
    """
    if gpus:
        try:
            torch.cuda.init()
        except (RuntimeError, AssertionError) as error:
            raise no_gpu(str(error).partition("\n")[0].rstrip(".")) from error
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # On a cluster Ray Train lets every worker of a node see all of its workers' GPUs.
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def roomy(device: torch.device, model: nn.Module) -> torch.device:
    """Where a model is read from end to end: the device if it has room for it, else the CPU.

    A CPU maps what it reads from the file of the checkpoint, and need not hold it.
    """
    if device.type == "cpu" or next(model.parameters()).device == device:
        return device
    needed = sum(one.numel() * one.element_size() for one in model.parameters())
    free, _ = torch.cuda.mem_get_info(device)
    return device if needed + ROOM_TO_WORK <= free else torch.device("cpu")


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU's on a device, without waiting for what the device does meanwhile.

    Only pinned memory travels while a GPU computes: a copy from other memory waits for all work
    that was given to it before.
    """
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
