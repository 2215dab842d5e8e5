"""Data parallel on one machine: two workers on loopback against one process, in turn.

    tools/loopback.sh python -m bench.trainer.parallel            (make bench-parallel)

Every worker has one thread, and one process with two threads is the other way to use two cores.
`half`, `one` and `two-*` share a batch of one size out (strong scaling); `two-*-weak` gives each
worker what `one` has. Compute is fp32 everywhere; `bf16` is the gradient on the wire. Bytes are
what `lo` carried, so nobody else may be in the network namespace. The exchange of the gradient is
timed apart afterwards, nothing else going on.
"""

import argparse
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, TextIO

import torch
import torch.distributed as dist

from bench.trainer import results, scaling
from bench.trainer.case import Case
from bench.trainer.machine import DTYPES
from bench.trainer.rounds import WARM_UP
from bench.trainer.watch import Watch
from lingraft_trainer.training.precision import Precision

EXCHANGES = 9
HEADINGS = ("tokens", "ms", "CPU ms", "rate", "MB", "MiB", "exchange")
FORKS = multiprocessing.get_context("forkserver")
LIBRARIES = (
    "bench.trainer.worker",
    "lingraft_trainer.machine.local_ray",
    "lingraft_trainer.training.lm",
    "transformers.models.roberta.modeling_roberta",
)


@dataclass(frozen=True)
class Contender:
    """A way to do updates of `share` times the case's batch, in `world` processes."""

    name: str
    world: int = 1
    threads: int = 1
    wire: Precision = "fp32"
    share: float = 1.0


CONTENDERS = (
    Contender("half", share=0.5),
    Contender("one"),
    Contender("one-2-threads", threads=2),
    *(
        Contender(f"two-{wire}{name}", world=2, wire=wire, share=share)
        for name, share in (("", 1.0), ("-weak", 2.0))
        for wire in DTYPES
    ),
)


def sent_on_loopback() -> int:
    """Bytes that ever left through `lo`, headers and all, over all processes."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[8])
    raise SystemExit("there is no interface lo: bytes cannot be counted")


class _Running:
    """A contender's processes."""

    def __init__(self, contender: Contender, layers: int, case: Case, folder: str) -> None:
        self.contender = contender
        self.batch = replace(case, batch_tokens=int(case.batch_tokens * contender.share))
        self.lines: list[TextIO] = []
        for rank in range(contender.world):
            ours, theirs = socket.socketpair()
            meeting = f"{folder}/{contender.name}"
            arguments = (theirs, rank, contender, layers, self.batch, meeting)
            # Their libraries are read once, by the server that they are forked from.
            FORKS.Process(target=child, args=arguments, daemon=True).start()
            theirs.close()
            self.lines.append(ours.makefile("rw"))

    def step(self) -> dict[str, float]:
        """One update: the slowest worker's wall clock, all workers' CPU, bytes of all."""
        before = sent_on_loopback()
        said = self.ask("step")
        return {
            "wall": max(one["wall"] for one in said),
            "cpu": sum(one["cpu"] for one in said),
            "bytes": sent_on_loopback() - before,
        }

    def end(self) -> dict[str, Any]:
        """Peak MiB of a worker, and where there are two of them what an exchange takes."""
        peak = max(one["peak"] for one in self.ask("end"))
        return {"peakMib": peak} | (self.answers()[0] if self.contender.world > 1 else {})

    def ask(self, line: str) -> list[dict[str, Any]]:
        """Say a line to every process at once, and wait for all."""
        for file in self.lines:
            file.write(line + "\n")
            file.flush()
        return self.answers()

    def answers(self) -> list[dict[str, Any]]:
        """One line of each process."""
        return [_answer(file) for file in self.lines]


def _answer(file: TextIO) -> dict[str, Any]:
    for line in file:
        if line.startswith("{"):  # what else is printed is not for us
            return json.loads(line)
    raise SystemExit("a worker ended early")


def measure(case: Case, layers: int, rounds: int) -> dict[str, Any]:
    """Medians of every contender, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        running = [_Running(one, layers, case, folder) for one in CONTENDERS]
        for one in running:
            one.answers()
        updates: dict[str, list[dict[str, float]]] = {one.name: [] for one in CONTENDERS}
        for number in range(WARM_UP + rounds):
            for one in running:
                update = one.step()
                if number >= WARM_UP:
                    updates[one.contender.name].append(update)
        return {one.contender.name: _described(one, updates[one.contender.name]) for one in running}


def _described(one: _Running, updates: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "tokens": one.batch.batch_tokens,
        "world": one.contender.world,
        "seconds": median(u["wall"] for u in updates),
        "cpuSeconds": median(u["cpu"] for u in updates),
        "bytes": median(u["bytes"] for u in updates),
        "updates": updates,
    } | one.end()


def child(
    parent: socket.socket, rank: int, one: Contender, layers: int, case: Case, meeting: str
) -> None:
    """One worker, which steps whenever the parent says so; then it times exchanges."""
    from bench.trainer.worker import Over, ours
    from lingraft_trainer.machine.local_ray import join
    from lingraft_trainer.training import loop, parallel

    sys.stdin, sys.stdout = parent.makefile("r"), parent.makefile("w")
    torch.set_num_threads(one.threads)
    torch.manual_seed(0)
    if one.world > 1:
        join(meeting, rank, one.world)
    # The run is fp32, whatever is sent.
    loop.data_parallel = lambda objective, _: parallel.data_parallel(objective, one.wire)
    with case.text() as text, suppress(Over):
        ours(case, layers, text, Watch(one.threads), rank, one.world)
    if one.world > 1:
        gradient = torch.ones(case.vocabulary * (case.hidden + 1))
        print(json.dumps(exchanges(gradient, one.wire)), flush=True)


def exchanges(gradient: torch.Tensor, wire: Precision) -> dict[str, float]:
    """Median seconds of an exchange as an update does it, casts included; bytes of all workers."""
    wall: list[float] = []
    before = 0
    for number in range(1 + EXCHANGES):
        dist.barrier()
        if number == 1:  # the first one warms up
            before = sent_on_loopback()
        start = time.perf_counter()
        sent = gradient.to(DTYPES[wire]).div_(dist.get_world_size())
        dist.all_reduce(sent)
        gradient.copy_(sent)
        wall.append(time.perf_counter() - start)
    dist.barrier()
    size = gradient.numel() * DTYPES[wire].itemsize
    return {
        "gradientBytes": size,
        "exchangeSeconds": median(wall[1:]),
        "exchangeBytes": (sent_on_loopback() - before) / EXCHANGES,
    }


def table(found: dict[str, Any]) -> str:
    """One case: rates against `one`, and what was on the wire."""
    case, sides = found["case"], found["sides"]
    lines = [
        f"\n{found['layers']} layers x {case['hidden']}, vocabulary {case['vocabulary']}, "
        f"rows of {case['length']}, fp32",
        f"{'':<16}" + "".join(f"{heading:>10}" for heading in HEADINGS),
    ]
    for name, side in sides.items():
        rate = side["tokens"] / side["seconds"]
        usual = sides["one"]["tokens"] / sides["one"]["seconds"]
        exchange = f"{1000 * side['exchangeSeconds']:.0f} ms" if "exchangeSeconds" in side else ""
        cells = [
            f"{side['tokens']}",
            f"{1000 * side['seconds']:.0f}",
            f"{1000 * side['cpuSeconds']:.0f}",
            f"{rate / usual:.2f}x",
            f"{side['bytes'] / 1e6:.1f}",
            f"{side['peakMib']:.0f}",
            exchange,
        ]
        lines.append(f"{name:<16}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, write down, print; then what it means for more nodes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=[256, 768])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=7, help="updates that are counted")
    args = parser.parse_args()
    write = results.begin("parallel")
    found: dict[str, Any] = {"cases": []}
    FORKS.set_forkserver_preload(list(LIBRARIES))
    for hidden in args.hidden:
        case = Case(hidden=hidden, batch_tokens=args.batch_tokens)
        sides = measure(case, args.layers, args.rounds)
        found["cases"].append({"case": case.to_json(), "layers": args.layers, "sides": sides})
        print(table(found["cases"][-1]), flush=True)
        print(f"written: {write(found)}", flush=True)
    print(f"\n{scaling.table(found)}")


if __name__ == "__main__":
    main()
