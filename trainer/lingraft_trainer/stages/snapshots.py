"""Copies of what step 2 has learned after some of its updates, for learning curves.

They survive an interruption like the rest of the state: each checkpoint carries those that
were taken before it, and the processor time used until then.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from lingraft_trainer.running.context import StageContext

FOLDER, CLOCK = "snapshots", "clock.json"
MOST_BETWEEN = 5
"""Snapshots that a graft scores on held-out text: each takes one more pass of it."""


def snapshot_file(step: int) -> str:
    """Path of a snapshot in the artifact; tensors `weight` [V', H] and `bias` [V']."""
    return f"{FOLDER}/step-{step}.safetensors"


def snapshots_between(artifact: Path) -> dict[int, Path]:
    """A few of an artifact's snapshots by their updates: neither the start nor the end."""
    found = {int(file.stem.partition("-")[2]): file for file in (artifact / FOLDER).glob("step-*")}
    inner = sorted(found)[1:-1]
    every = max(1, -(-len(inner) // MOST_BETWEEN))
    return {step: found[step] for step in inner[::-1][::every][::-1]}


class Snapshots:
    """Takes them while `fit` trains with `ctx`, and calls `after_step`.

    Processor time is that of rank 0's process with all its threads. On a machine that is busy
    with other work too it says more than the wall clock; beside a GPU it says nothing.
    """

    def __init__(
        self, ctx: StageContext, steps: Collection[int], learned: Callable[[], dict[str, Tensor]]
    ) -> None:
        self.ctx = self._stage = ctx
        self._out, self._steps, self._learned = ctx.out, frozenset(steps), learned
        self._before, self._started = 0.0, time.process_time()
        self._clock: dict[int, float] = {}
        if not steps or ctx.rank != 0:
            self._steps = frozenset[int]()
            return
        self.ctx = replace(ctx, save_checkpoint=self._save, load_checkpoint=self._load)
        self._take(0)

    def after_step(self, done: int) -> None:
        """Called after each update with the number of updates done."""
        if self._steps:
            self._clock[done] = self._before + time.process_time() - self._started
            self._take(done)

    def record(self) -> list[dict[str, float]]:
        """Updates and processor seconds until then, of every snapshot that was taken."""
        return [
            {"step": step, "cpuSeconds": round(self._clock.get(step, 0.0), 2)}
            for step in sorted(self._steps)
            if step <= max(self._clock, default=0)
        ]

    def _take(self, step: int) -> None:
        if step not in self._steps:
            return
        file = self._out / snapshot_file(step)
        file.parent.mkdir(exist_ok=True)
        save_file(self._learned(), file)

    def _save(self, step: int, folder: Path) -> None:
        """Put what was taken until then beside a checkpoint; training may be further by now."""
        (folder / FOLDER).mkdir()
        for taken in self._steps:
            if taken <= step:
                file = self._out / snapshot_file(taken)
                os.link(file, folder / FOLDER / file.name)  # both are in the stage's own folder
        clock = {s: at for s, at in list(self._clock.items()) if s == step or s in self._steps}
        (folder / CLOCK).write_text(json.dumps({s: at for s, at in clock.items() if s <= step}))
        self._stage.save_checkpoint(step, folder)

    def _load(self) -> Path | None:
        folder = self._stage.load_checkpoint()
        if folder is not None:
            shutil.copytree(folder / FOLDER, self._out / FOLDER, dirs_exist_ok=True)
            clock: dict[str, float] = json.loads((folder / CLOCK).read_text())
            self._clock = {int(step): at for step, at in clock.items()}
            self._before, self._started = max(self._clock.values()), time.process_time()
        return folder
