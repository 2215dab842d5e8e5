"""Two Ray Train workers learn what one process learns, and listen on loopback only."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lingraft.stage import Execution, StageSpec
from lingraft_trainer.stages.embed import EMBEDDINGS
from tests.support.sockets import descendants, listening, outside
from tests.support.stages import manifest_of, process, run_process, spec_of
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
STEPS = 20


def spec(folder: Path, workers: int) -> StageSpec:
    return spec_of(
        "embed",
        # Seven rows in micro-batches of two: the workers' shares and counts differ.
        {
            "method": "Standard",
            "init": "random",
            "training": training(steps=STEPS, batchTokens=7 * 32),
        },
        folder / f"store-{workers}",
        execution=Execution(workers=workers, threads=1, precision="fp32", micro_batch_tokens=64),
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


def learned(done: StageSpec) -> dict[str, torch.Tensor]:
    folder = Path(done.store.removeprefix("file://")) / done.stage.ref / done.holder / "files"
    return load_file(folder / EMBEDDINGS)


def test_two_workers_learn_what_one_learns_on_loopback(tmp_path: Path) -> None:
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    one, two = spec(tmp_path, 0), spec(tmp_path, 2)
    code, errors = run_process(one, tmp_path)
    assert code == 0, errors

    seen: set[tuple[str, int]] = set()
    deadline = time.monotonic() + 240
    with process(two, tmp_path) as running:
        while running.poll() is None:
            assert time.monotonic() < deadline, "it did not end"
            seen |= listening(descendants(running.pid))
            with suppress(subprocess.TimeoutExpired):
                running.wait(0.2)
        _, errors = running.communicate()
    assert running.returncode == 0, errors
    assert seen, "Ray listens somewhere, or the test looks in the wrong place"
    assert not outside(seen)

    manifest = manifest_of(two)
    assert manifest.environment["workers"] == 2
    assert manifest.compute.tokens == manifest_of(one).compute.tokens
    curves = [[p["loss"] for p in manifest_of(s).metrics["curve"]] for s in (one, two)]
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)
    a, b = learned(one), learned(two)
    difference = max(float((a[name] - b[name]).abs().max()) for name in a)
    print(f"largest difference after {STEPS} updates: {difference:.2e}")
    assert difference < 1e-4
    moved = float((a["bias"]).abs().max())
    assert moved > 1e-2, "nothing was learned: equality would show nothing"
