"""Where an update's time goes: `python -m bench.trainer.profile [--hidden 768] [--layers 4] ...`.

Two updates of the `embed` loop under torch's profiler, after one that warms up: the ten
operators that take the most time of their own, with what they were called on, page faults, and
the share of what matrix products reach on this machine, by CPU time. The profiler's own cost is
in it.
"""

import argparse
import resource
import time
from contextlib import suppress

import torch
from torch.profiler import ProfilerActivity, profile

from bench.trainer.case import Case
from bench.trainer.machine import matmul_gflops
from bench.trainer.watch import Watch
from bench.trainer.worker import Over, ours

WARM_UP, PROFILED, OPERATORS = 1, 2, 10


class _Profiled(Watch):
    """Opens and closes the profiler between updates, in place of a parent's gate."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.profiler = profile(activities=[ProfilerActivity.CPU], record_shapes=True)
        self.updates = 0
        self.seconds, self.faults = 0.0, 0

    def gate(self) -> bool:
        if self.updates == WARM_UP:
            self.profiler.start()
            self.seconds, self.faults = time.process_time(), _faults()
        if self.updates == WARM_UP + PROFILED:
            self.seconds = (time.process_time() - self.seconds) / PROFILED / self.threads
            self.faults = (_faults() - self.faults) // PROFILED
            self.profiler.stop()
            return False
        self.updates += 1
        return True


def main() -> None:
    """Profile one case and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    case = Case(hidden=args.hidden, length=args.length)
    watch = _Profiled(args.threads)
    with case.text() as text, suppress(Over):
        ours(case, args.layers, text, watch)
    found = watch.profiler.key_averages(group_by_input_shape=True)
    found = sorted(found, key=lambda one: -one.self_cpu_time_total)
    total = sum(one.self_cpu_time_total for one in found)
    for one in found[:OPERATORS]:
        shapes = " ".join("x".join(map(str, shape)) for shape in one.input_shapes[:3] if shape)
        own = one.self_cpu_time_total / 1000 / PROFILED
        share = one.self_cpu_time_total / total
        calls = one.count / PROFILED
        print(f"{share:6.1%} {own:8.1f} ms {calls:6.1f}  {one.key}  {shapes}")
    flops = case.flops(args.layers, every_position=False)
    peak = matmul_gflops(case, args.threads)
    print(
        f"an update takes {watch.seconds:.2f} CPU-seconds a thread, {watch.faults} page faults, "
        f"{flops / watch.seconds / 1e9 / peak:.0%} of {peak:.0f} GFLOP/s"
    )


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    main()
