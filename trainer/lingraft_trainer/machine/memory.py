"""How much memory one worker has: its GPU's, or its share of this machine's."""

import torch
from torch import nn

from lingraft.machine import memory_limit


def memory_of_worker(device: torch.device, beside: int = 1) -> int:
    """Bytes.

    Args:
        device: Where it computes.
        beside: How many workers are on this machine.
    """
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory_limit() // max(1, beside)


def fits_here(model: nn.Module) -> bool:
    """Whether this machine's memory, or the container's, has room for all of a model."""
    size = sum(one.numel() * one.element_size() for one in model.parameters())
    return size < memory_limit()
