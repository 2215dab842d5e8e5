"""bf16 where this machine is faster with it: measured, never guessed.

CPUs with AMX run bf16 products ten times faster than fp32; older ones up to ninety times
slower. CUDA devices say themselves whether they have it.
"""

import contextlib
import time
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["fp32", "bf16"]

WORTH_IT = 1.3
"""Speed-up of the matrix products from which bf16 pays for its casts."""


def choose(asked: Literal["auto", "fp32", "bf16"], device: torch.device, width: int) -> Precision:
    """The precision to run in; `auto` times products of the model's width first.

    Args:
        asked: The user's choice.
        device: Where the model runs.
        width: The model's hidden size.
    """
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    fp32, bf16 = (_seconds(dtype, width) for dtype in (torch.float32, torch.bfloat16))
    return "bf16" if fp32 > WORTH_IT * bf16 else "fp32"


def _seconds(dtype: torch.dtype, width: int) -> float:
    """Best of five products of [2048, width] by [width, 4 * width]."""
    left = torch.ones(2048, width, dtype=dtype)
    right = torch.ones(width, 4 * width, dtype=dtype)
    best = float("inf")
    for _ in range(6):  # the first one warms up
        start = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - start)
    return best


def autocast(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """The context a forward pass runs in."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)  # type: ignore[return-value]


def matmul_dtype(like: Tensor) -> torch.dtype:
    """The type matrix products run in here: autocast's where it is on, else the tensor's."""
    kind = like.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else like.dtype
