"""What data parallelism would make of the newest results: computed, not measured.

    python -m bench.trainer.scaling            (after `make bench`)

An update ends with an all-reduce of the gradient of the token embeddings and the output bias.
In a ring each of n workers sends 2 (n - 1) / n times its size. The link alone is counted, and
nothing is sent while gradients are computed: the embeddings' is complete only at the end.
"""

import argparse
import json
from dataclasses import dataclass
from typing import Any

from bench.trainer.results import newest

NODES, GBITS = (8, 64), (1, 10)
BYTES = {"fp32": 4, "bf16": 2}
"""Of an element on the wire; bf16 is what torch's `bf16_compress_hook` would send."""


@dataclass(frozen=True)
class Exchange:
    """One update's exchange of gradients.

    Attributes:
        sent: Bytes that one worker sends.
        seconds: On the wire.
    """

    sent: float
    seconds: float


def exchange(
    *, vocabulary: int, hidden: int, nodes: int, gbit: float, element_bytes: int
) -> Exchange:
    """A ring all-reduce of the matrix [V, H] and the bias [V]."""
    size = vocabulary * (hidden + 1) * element_bytes
    sent = 2 * (nodes - 1) / nodes * size
    return Exchange(sent, 8 * sent / (gbit * 1e9))


def efficiency(step: float, wire: float) -> float:
    """Share of a worker's time that trains, none of the exchange being hidden."""
    return step / (step + wire)


def rows(vocabulary: int, hidden: int, side: dict[str, Any]) -> list[str]:
    """One line for every number of nodes, link and type on the wire."""
    found: list[str] = []
    for nodes in NODES:
        for gbit in GBITS:
            for name, element_bytes in BYTES.items():
                one = exchange(
                    vocabulary=vocabulary,
                    hidden=hidden,
                    nodes=nodes,
                    gbit=gbit,
                    element_bytes=element_bytes,
                )
                share = efficiency(side["cpuSeconds"], one.seconds)
                found.append(
                    f"{hidden:>6} {side['layers']:>6} {nodes:>6} {gbit:>7} {name:>6} "
                    f"{one.sent / 1e6:>8.0f} {1000 * one.seconds:>8.0f} {100 * share:>6.0f} % "
                    f"{nodes * share:>7.1f}x"
                )
    return found


def main() -> None:
    """Print the table; a step is its CPU time, which other work on the machine disturbs less."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    print("hidden layers  nodes  Gbit/s   wire  MB sent  ms sent   busy   speed-up")
    for found in json.loads(newest().read_text())["cases"]:
        case = found["case"]
        for name, side in found["sides"].items():
            if name.startswith("ours"):
                print("\n".join(rows(case["vocabulary"], case["hidden"], side)))


if __name__ == "__main__":
    main()
