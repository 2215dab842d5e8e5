"""What a stage costs before and after its training: start to manifest, by cause.

    python -m bench.trainer.startup [--workers 1]            (make bench-startup)

The stage is an `embed` of one update of a tiny model, so that nothing but the overhead is left.
With workers it runs on a Ray of its own, as a pod does; what happens in the worker's process
is then one line. CPU seconds are this process's own, and tell how much of a busy machine the
wall clock holds.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lingraft.stage import Execution, StageSpec

SPAWNED = "LINGRAFT_BENCH_SPAWNED"
IMPORTS = (
    "torch",
    "transformers",
    "ray",
    "lingraft_trainer.runner",
    "lingraft_trainer.stages.embed",
)
CALLS = {
    "inputs": ("lingraft_trainer.attempt", "fetch_input"),
    "load the model": ("lingraft_trainer.stages.embed", "load_masked_lm"),
    "tokenizers and first embeddings": ("lingraft_trainer.stages.embed", "initial_embeddings"),
    "train": ("lingraft_trainer.stages.embed", "fit"),
    "upload": ("lingraft.store.stages.StageStore", "upload"),
    "manifest": ("lingraft.store.stages.StageStore", "publish"),
}

RAY_CALLS = {
    "start Ray": ("lingraft_trainer.runner", "start_ray"),
    "Ray Train and its worker": ("ray.train.torch.TorchTrainer", "fit"),
}


class Parts:
    """Seconds of wall clock and of this process's CPU, by cause."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count this context to a cause; the outer of two contexts leaves the inner one out."""
        wall, cpu = time.perf_counter(), time.process_time()
        inside = sum(self.wall.values()), sum(self.cpu.values())
        try:
            yield
        finally:
            wall = time.perf_counter() - wall - (sum(self.wall.values()) - inside[0])
            cpu = time.process_time() - cpu - (sum(self.cpu.values()) - inside[1])
            self.wall[name] = self.wall.get(name, 0.0) + wall
            self.cpu[name] = self.cpu.get(name, 0.0) + cpu

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted to a cause."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return timed


def child(file: str) -> None:
    """Run the stage of a spec, and print the seconds of every part."""
    parts = Parts()
    parts.wall["start Python"] = time.time() - float(os.environ[SPAWNED])
    parts.cpu["start Python"] = time.process_time()
    spec = StageSpec.model_validate_json(Path(file).read_text())
    for name in (*IMPORTS, *(("ray.train.torch",) if spec.execution.workers else ())):
        with parts.part(f"import {name}"):
            importlib.import_module(name)
    calls = CALLS | (RAY_CALLS if spec.execution.workers else {})
    for name, (where, attribute) in calls.items():
        owner = _object(where)
        setattr(owner, attribute, parts.wrap(name, getattr(owner, attribute)))
    with parts.part("the rest of the run"):
        _object("lingraft_trainer.runner").run(spec)
    print(json.dumps({"wall": parts.wall, "cpu": parts.cpu}))


def _object(where: str) -> Any:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError:
        module, _, name = where.rpartition(".")
        return getattr(importlib.import_module(module), name)


def main() -> None:
    """Print the parts; this process has read the libraries, so the disk's cache is warm."""
    from tests.support.stages import import_path, spec_of
    from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_base("roberta", folder / "base")
        tiny_corpus("roberta", TARGET_WORDS, folder / "corpus")
        spec = spec_of(
            "embed",
            {"method": "Standard", "init": "overlap", "training": training(steps=1)},
            folder / "store",
            execution=Execution(workers=args.workers, threads=1, precision="fp32"),
            model=folder / "base",
            base=folder / "base",
            corpus=folder / "corpus",
        )
        file = folder / "spec.json"
        file.write_text(spec.model_dump_json(by_alias=True))
        began = time.time()
        printed = subprocess.run(
            [sys.executable, "-m", "bench.trainer.startup", "--child", str(file)],
            env=os.environ | {"PYTHONPATH": import_path(), SPAWNED: str(began)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        total = time.time() - began
    found = json.loads(printed.splitlines()[-1])
    print(f"{'':<42} {'wall':>8} {'CPU':>8}")
    for part, seconds in found["wall"].items():
        print(f"{part:<42} {seconds:>6.2f} s {found['cpu'][part]:>6.2f} s")
    print(f"{'all, the process gone':<42} {total:>6.2f} s {sum(found['cpu'].values()):>6.2f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        main()
