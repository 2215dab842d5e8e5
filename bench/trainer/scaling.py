"""What data parallelism would make of more nodes: computed from the newest `make bench-parallel`.

    python -m bench.trainer.scaling            (make bench-scaling)

An update ends with an all-reduce of the gradient of the token embeddings and the output bias.
In a ring each of n workers sends 2 (n - 1) / n times its size. A byte costs what it cost on
loopback, where no link limits it (copies, sums, casts), and then its time on the link. Both are
added, and nothing is sent while gradients are computed: the embeddings' is complete only at the
end. Left out: the latency of the ring's 2 (n - 1) hops, and waiting for the slowest worker.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from bench.trainer.results import newest

NODES, GBITS = (8, 64), (1, 10)
BYTES = {"fp32": 4, "bf16": 2}
"""Of an element on the wire; bf16 is what a run in bf16 sends."""
SHARE = 0.2
"""Of an update: what an exchange should stay below."""


@dataclass(frozen=True)
class Worker:
    """One worker's update without the exchange: linear in its tokens.

    Attributes:
        fixed: Seconds whatever the batch, most of them the optimizer's.
        per_token: Seconds.
    """

    fixed: float
    per_token: float

    @classmethod
    def of(cls, half: dict[str, Any], one: dict[str, Any]) -> "Worker":
        """From two batch sizes, in CPU seconds: other work on the machine disturbs them less."""
        rise = one["cpuSeconds"] - half["cpuSeconds"]
        per_token = rise / (one["tokens"] - half["tokens"])
        return cls(half["cpuSeconds"] - per_token * half["tokens"], per_token)

    def seconds(self, tokens: float) -> float:
        """Of an update."""
        return self.fixed + self.per_token * tokens

    def tokens_for(self, exchange: float) -> float:
        """Tokens of a worker's update from which an exchange is less than `SHARE` of the whole."""
        return max(0.0, (exchange * (1 - SHARE) / SHARE - self.fixed) / self.per_token)


def sent(*, vocabulary: int, hidden: int, nodes: int, element_bytes: int) -> float:
    """Bytes one worker sends for an update: a ring over the matrix [V, H] and the bias [V]."""
    return 2 * (nodes - 1) / nodes * vocabulary * (hidden + 1) * element_bytes


def local_cost(side: dict[str, Any]) -> float:
    """Seconds of this machine's own work for a byte sent; of two workers each sends the size."""
    return side["exchangeSeconds"] / side["gradientBytes"]


def exchange_seconds(size: float, *, local: float, gbit: float) -> float:
    """Of `size` bytes sent by each worker."""
    return size * (local + 8 / (gbit * 1e9))


def table(found: dict[str, Any]) -> str:
    """Of every case: one line for every number of nodes, link and type on the wire.

    `busy` and `speed-up` are at the tokens per worker of the line's case; the last column is
    the tokens per worker from which the exchange is below a fifth of an update.
    """
    lines = [
        "hidden layers tokens  nodes  Gbit/s   wire  MB sent   ms     busy  speed-up   for 80 %"
    ]
    for one in found["cases"]:
        case, sides = one["case"], one["sides"]
        worker = Worker.of(sides["half"], sides["one"])
        tokens = sides["half"]["tokens"]
        for nodes in NODES:
            for gbit in GBITS:
                for wire, element_bytes in BYTES.items():
                    size = sent(
                        vocabulary=case["vocabulary"],
                        hidden=case["hidden"],
                        nodes=nodes,
                        element_bytes=element_bytes,
                    )
                    local = local_cost(sides[f"two-{wire}"])
                    seconds = exchange_seconds(size, local=local, gbit=gbit)
                    step = worker.seconds(tokens)
                    busy = step / (step + seconds)
                    lines.append(
                        f"{case['hidden']:>6} {one['layers']:>6} {tokens:>6} {nodes:>6} {gbit:>7} "
                        f"{wire:>6} {size / 1e6:>8.0f} {1000 * seconds:>5.0f} {100 * busy:>5.0f} % "
                        f"{nodes * busy:>8.1f}x {worker.tokens_for(seconds):>10.0f}"
                    )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    print(table(newest("parallel", "bench-parallel")))


if __name__ == "__main__":
    main()
