"""What this machine's matrix products reach: the most that any training could use of it."""

import time

import torch

from bench.trainer.case import Case
from lingraft_trainer.training.precision import Precision

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def matmul_gflops(case: Case, threads: int, precision: Precision) -> float:
    """GFLOP/s of the best of ten rounds of products of the model's largest shape.

    On a CPU by CPU time, which other work on the machine disturbs less than wall clock.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    of = {"dtype": DTYPES[precision], "device": case.device}
    left = torch.randn(min(case.batch_tokens, case.micro_batch_tokens), case.hidden, **of)
    right = torch.randn(4 * case.hidden, case.hidden, **of)
    products = 1 if case.device.type == "cpu" else 50  # one is over before it is waited for
    best = float("inf")
    for _ in range(10):
        start = _seconds(case.device, threads)
        for _ in range(products):
            torch.mm(left, right.t())
        best = min(best, (_seconds(case.device, threads) - start) / products)
    torch.set_num_threads(before)
    return 2 * left.numel() * right.shape[0] / best / 1e9


def _seconds(device: torch.device, threads: int) -> float:
    if device.type == "cpu":
        return time.process_time() / threads
    torch.cuda.synchronize(device)
    return time.perf_counter()
