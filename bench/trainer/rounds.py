"""The contenders' processes, stepped in turn."""

import json
import subprocess
import sys
from contextlib import ExitStack
from statistics import median
from typing import Any

import torch

from bench.trainer.case import Case
from bench.trainer.watch import PARTS

WARM_UP = 3 if torch.cuda.is_available() else 1
"""Updates of each contender that are not counted; a GPU meets new shapes in more than one."""
SIDES = ("trainer", "ours")


def measure(case: Case, *, rounds: int, threads: int) -> dict[str, Any]:
    """Medians of every contender, by its name: `trainer-12`, `ours-12`, `trainer-4`, `ours-4`."""
    with ExitStack() as running:
        contenders = {
            f"{side}-{layers}": running.enter_context(_Contender(side, layers, threads, case))
            for layers in (case.layers, case.layers // 3)
            for side in SIDES
        }
        # Only now: importing torch takes longer than an update, and all import side by side.
        for contender in contenders.values():
            contender.wait()
        updates: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
        for number in range(WARM_UP + rounds):
            for name, contender in contenders.items():
                update = contender.step()
                if number >= WARM_UP:
                    updates[name].append(update)
        return {
            name: contender.described(updates[name], case) | {"peakMib": contender.end()}
            for name, contender in contenders.items()
        }


class _Contender:
    def __init__(self, side: str, layers: int, threads: int, case: Case) -> None:
        self.side, self.layers = side, layers
        arguments = (side, str(layers), str(threads), json.dumps(case.to_json()))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.trainer.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = 0.0

    def __enter__(self) -> "_Contender":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def wait(self) -> None:
        """Until it stands before its first update."""
        self.ready = self._answer()["ready"]

    def step(self) -> dict[str, float]:
        """One update."""
        self._say("step")
        return self._answer()

    def end(self) -> float:
        """Peak memory in MiB."""
        self._say("end")
        return self._answer()["peak"]

    def described(self, updates: list[dict[str, float]], case: Case) -> dict[str, Any]:
        """What the updates come to."""
        wall = median(u["wall"] for u in updates)
        flops = case.flops(self.layers, every_position=self.side == "trainer")
        return {
            "side": self.side,
            "layers": self.layers,
            "seconds": wall,
            "cpuSeconds": median(u["cpu"] for u in updates),
            "tokensPerSecond": case.batch_tokens / wall,
            "flopsPerToken": flops / case.batch_tokens,
            "gflops": flops / wall / 1e9,
            "parts": {part: median(u[part] for u in updates) for part in PARTS},
            "readyMib": self.ready,
            "updates": updates,
        }

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):  # what else is printed is not for us
                return json.loads(line)
        raise RuntimeError(f"{self.side} with {self.layers} layers ended early")
