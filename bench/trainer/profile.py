"""Where an update's time goes: `python -m bench.trainer.profile [--hidden 768] [--layers 4] ...`.

Two updates of the `embed` loop under torch's profiler, after some that warm up: the ten
operators that take the most time of their own, with what they were called on, page faults, and
the share of what matrix products reach on this machine, by CPU time. On a GPU it is the kernels
that count, and the time from the first to the last. The profiler's own cost is in it.
"""

import argparse
import resource
import time
from contextlib import suppress

import torch
from torch.profiler import ProfilerActivity, profile

from bench.trainer.case import Case
from bench.trainer.machine import DTYPES, matmul_gflops
from bench.trainer.rounds import WARM_UP
from bench.trainer.watch import Watch, now
from bench.trainer.worker import Over, ours

PROFILED, OPERATORS = 2, 10
GPU = torch.cuda.is_available()


class _Profiled(Watch):
    """Opens and closes the profiler between updates, in place of a parent's gate."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * GPU
        self.profiler = profile(activities=kinds, record_shapes=True)
        self.updates = 0
        self.seconds, self.faults = 0.0, 0

    def gate(self) -> bool:
        if self.updates == WARM_UP:
            self.profiler.start()
            self.seconds, self.faults = _seconds(self.threads), _faults()
        if self.updates == WARM_UP + PROFILED:
            self.seconds = (_seconds(self.threads) - self.seconds) / PROFILED
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
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--pieces", type=int, default=1, help="documents of a row")
    parser.add_argument("--precision", choices=DTYPES, default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    case = Case(
        hidden=args.hidden,
        length=args.length,
        vocabulary=args.vocabulary,
        batch_tokens=args.batch_tokens,
        precision=args.precision,
        pieces=args.pieces,
    )
    watch = _Profiled(args.threads)
    with case.text() as text, suppress(Over):
        ours(case, args.layers, text, watch)
    found = watch.profiler.key_averages(group_by_input_shape=True)
    own = (lambda one: one.self_device_time_total) if GPU else (lambda one: one.self_cpu_time_total)
    # On a GPU an operator and its kernels are both listed, with the same time.
    found = sorted((one for one in found if not GPU or one.device_type.name == "CUDA"), key=own)[
        ::-1
    ]
    total = sum(map(own, found))
    for one in found[:OPERATORS]:
        shapes = " ".join("x".join(map(str, shape)) for shape in one.input_shapes[:3] if shape)
        milliseconds, calls = own(one) / 1000 / PROFILED, one.count / PROFILED
        share = own(one) / total
        print(f"{share:6.1%} {milliseconds:8.1f} ms {calls:6.1f}  {one.key[:100]}  {shapes}")
    flops = case.flops(args.layers, every_position=False)
    peak = matmul_gflops(case, args.threads, args.precision)
    busy = total / 1e6 / PROFILED
    unit = f"seconds, {busy:.3f} of them in kernels" if GPU else "CPU-seconds a thread"
    print(
        f"an update takes {watch.seconds:.3f} {unit}, {watch.faults} page faults, "
        f"{flops / watch.seconds / 1e9 / peak:.0%} of {peak:.0f} GFLOP/s"
    )


def _seconds(threads: int) -> float:
    return now() if GPU else time.process_time() / threads


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    main()
