"""What this machine's matrix products reach: the most that any training could use of it."""

import time

import torch

from bench.trainer.case import Case


def matmul_gflops(case: Case, threads: int) -> float:
    """GFLOP/s of the best of ten products of the model's largest shape, in fp32.

    By CPU time, which other work on the machine disturbs less than wall clock.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    left = torch.randn(case.batch_tokens, case.hidden)
    right = torch.randn(4 * case.hidden, case.hidden)
    best = float("inf")
    for _ in range(10):
        start = time.process_time()
        torch.mm(left, right.t())
        best = min(best, (time.process_time() - start) / threads)
    torch.set_num_threads(before)
    return 2 * left.numel() * right.shape[0] / best / 1e9
