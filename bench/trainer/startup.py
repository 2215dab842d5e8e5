"""What a stage costs before and after its training: start to manifest, by cause.

    python -m bench.trainer.startup [--rounds 3]            (make bench-startup)

The stage is an `embed` of one update of a tiny model, so that nothing but the overhead is left.
It runs without Ray workers and with one, on a Ray of its own, in turn. CPU seconds are those of
the stage's process (on Ray: of the driver and the worker), and tell how much of a busy machine
the wall clock holds. Nothing runs on a cold disk: this process has read the libraries.
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
from statistics import median
from typing import Any

from bench.trainer.results import begin
from lingraft.stage import Execution, StageSpec

SPAWNED = "LINGRAFT_BENCH_SPAWNED"
FROM_WORKER = "LINGRAFT_BENCH_WORKER"
STAGE_IMPORTS = (
    "torch",
    "transformers.modeling_utils",
    "lingraft_trainer.running.attempt",
    "lingraft_trainer.stages.embed",
)
RAY_IMPORTS = ("torch", "ray", "ray.train.torch", "lingraft_trainer.running.runner")
CALLS = {
    "inputs": ("lingraft_trainer.running.attempt", "fetch_input"),
    "load the model": ("lingraft_trainer.stages.embed", "load_lm"),
    "tokenizers and first embeddings": ("lingraft_trainer.embeddings.start", "initial_embeddings"),
    "train": ("lingraft_trainer.stages.embed", "fit"),
    "upload": ("lingraft.store.stages.StageStore", "upload"),
    "manifest": ("lingraft.store.stages.StageStore", "publish"),
}
RAY_CALLS = {
    "start Ray": ("lingraft_trainer.running.runner", "start_ray"),
    "Ray Train": ("ray.train.torch.TorchTrainer", "fit"),
}
Seconds = dict[str, tuple[float, float]]
"""Wall clock and CPU, by cause."""


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

    def imports(self, names: tuple[str, ...]) -> None:
        """Import modules, each a cause of its own: what it shares with an earlier one is there."""
        for name in names:
            with self.part(f"import {name}"):
                importlib.import_module(name)

    def count(self, calls: dict[str, tuple[str, str]]) -> None:
        """From now on, count the calls of these functions."""
        for name, (where, attribute) in calls.items():
            owner = _object(where)
            setattr(owner, attribute, self._counted(name, getattr(owner, attribute)))

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return timed

    def seconds(self) -> Seconds:
        """What was counted."""
        return {name: (wall, self.cpu[name]) for name, wall in self.wall.items()}


def _object(where: str) -> Any:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError:
        module, _, name = where.rpartition(".")
        return getattr(importlib.import_module(module), name)


def child(file: str) -> None:
    """Run the stage of a spec, and print the seconds of every part."""
    parts = Parts()
    parts.wall["start Python"] = time.time() - float(os.environ[SPAWNED])
    parts.cpu["start Python"] = time.process_time()
    spec = StageSpec.model_validate_json(Path(file).read_text())
    on_ray = spec.execution.workers > 0
    parts.imports(RAY_IMPORTS if on_ray else ("lingraft_trainer.running.runner", *STAGE_IMPORTS))
    parts.count(RAY_CALLS if on_ray else CALLS)
    runner = _object("lingraft_trainer.running.runner")
    runner._worker = importlib.import_module("bench.trainer.startup").worker
    with parts.part("the rest of the run"):
        runner.run(spec)
    print(json.dumps(parts.seconds() | (_of_worker(parts) if on_ray else {})))


def worker(config: dict[str, Any]) -> None:
    """Stands in for the runner's own on a Ray Train worker, and counts what it does."""
    import psutil

    own = psutil.Process()
    parts, called = Parts(), time.time()
    parts.wall["start the worker's process"] = called - own.create_time()
    parts.cpu["start the worker's process"] = time.process_time()
    parts.imports((*STAGE_IMPORTS, "lingraft_trainer.running.runner"))
    parts.count(CALLS)
    with parts.part("the rest of the worker"):
        _object("lingraft_trainer.running.runner")._worker(config)
    Path(os.environ[FROM_WORKER]).write_text(json.dumps(parts.seconds()))


def _of_worker(parts: Parts) -> Seconds:
    """The worker's parts, and what Ray Train took beside them."""
    found = json.loads(Path(os.environ[FROM_WORKER]).read_text())
    around = parts.wall["Ray Train"] - sum(wall for wall, _ in found.values())
    inside = {name if "worker" in name else f"worker: {name}": s for name, s in found.items()}
    return {"Ray Train": (around, parts.cpu["Ray Train"])} | inside


def measure(spec: StageSpec, folder: Path) -> Seconds:
    """Run the stage in a process of its own, once."""
    from tests.support.stages import import_path

    file = folder / "spec.json"
    file.write_text(spec.model_dump_json(by_alias=True))
    began = time.time()
    own = {SPAWNED: str(began), FROM_WORKER: str(folder / "worker.json")}
    printed = subprocess.run(
        [sys.executable, "-m", "bench.trainer.startup", "--child", str(file)],
        env=os.environ | {"PYTHONPATH": import_path()} | own,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    found: Seconds = json.loads(printed.splitlines()[-1])
    manifest = Path(spec.store.removeprefix("file://"), spec.stage.ref, "manifest.json")
    cpu = sum(cpu for _, cpu in found.values())
    return found | {"start to manifest": (manifest.stat().st_mtime - began, cpu)}


def main() -> None:
    """Print the parts: medians of the rounds."""
    from tests.support.stages import spec_of
    from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    write = begin("startup")
    found: dict[str, list[Seconds]] = {"without workers": [], "one worker on Ray": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_base("roberta", folder / "base")
        tiny_corpus("roberta", TARGET_WORDS, folder / "corpus")
        for i in range(rounds):
            for workers, case in enumerate(found):
                spec = spec_of(
                    "embed",
                    {"method": "Standard", "init": "overlap", "training": training(steps=1)},
                    folder / f"store-{i}-{workers}",
                    execution=Execution(workers=workers, threads=1, precision="fp32"),
                    model=folder / "base",
                    base=folder / "base",
                    corpus=folder / "corpus",
                )
                found[case].append(measure(spec, folder))
                write({"stage": found})
    for case, runs in found.items():
        print(f"\n{case:<48} {'wall':>8} {'CPU':>8}")
        for part in runs[0]:
            wall, cpu = (median(run[part][i] for run in runs) for i in (0, 1))
            print(f"{part:<48} {wall:>6.2f} s {cpu:>6.2f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        main()
