"""Where a worker computes, and how a batch gets there."""

import os

import torch
from torch import Tensor


def device_of_this_worker() -> torch.device:
    """A GPU where there is one, for each worker of a node its own."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # On a cluster Ray Train lets every worker of a node see all of its workers' GPUs.
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU's on a device, without waiting for what the device does meanwhile.

    Only pinned memory travels while a GPU computes: a copy from other memory waits for all work
    that was given to it before.
    """
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
