"""A stage that was killed and run again ends byte-equal to one that nobody disturbed."""

import json
import signal
from pathlib import Path

import pytest

from lingraft.stage import StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft_trainer.running.runner import run
from tests.support.event_files import curves_below
from tests.support.stages import (
    contents,
    manifest_of,
    process,
    spec_of,
    store_of,
    wait_until,
)
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

EVERY_STEP = {"LINGRAFT_CHECKPOINT_SECONDS": "0"}


def embed_spec(folder: Path, store: str, holder: str) -> StageSpec:
    return spec_of(
        "embed",
        # Dropout on: its masks too must be those of an uninterrupted run.
        {"method": "Standard", "init": "random", "training": training(steps=80, dropout=0.1)},
        folder / store,
        holder=holder,
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


def finetune_spec(folder: Path, store: str, holder: str) -> StageSpec:
    params = {
        "format": "classification",
        "sourceLanguage": "en",
        "epochs": 8,
        "batchSize": 8,
        "learningRate": 1e-2,
        "maxLength": 16,
        "dropout": 0.1,
        "seed": 0,
    }
    data = folder / "train.jsonl"
    return spec_of(
        "finetune", params, folder / store, holder=holder, base=folder / "base", train=data
    )


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A base, a corpus, and a task."""
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    rows = [
        {"text": f"{animal} {rest}", "label": animal, "group": f"{i}"}
        for i, rest in enumerate(["sat on a mat", "ran", "saw the sea", "and house"] * 10)
        for animal in ("cat", "dog")
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def checkpoint_step(spec: StageSpec) -> int:
    newest = store_of(spec).latest_checkpoint()
    return newest.step if newest else 0


def kill_after(spec: StageSpec, step: int, folder: Path) -> None:
    """SIGKILL once a checkpoint of `step` updates or more is complete, wherever it is then."""
    with process(spec, folder, **EVERY_STEP) as running:
        wait_until(lambda: checkpoint_step(spec) >= step, running=running)
        running.kill()
        running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert store_of(spec).manifest() is None


@pytest.mark.parametrize("step", [1, 37])
def test_embed_killed_and_run_again_is_byte_equal(world: Path, step: int) -> None:
    undisturbed = embed_spec(world, "undisturbed", "first")
    run(undisturbed)

    disturbed = embed_spec(world, "disturbed", "first")
    kill_after(disturbed, step, world)
    resumed_from = checkpoint_step(disturbed)
    run(disturbed)

    assert 0 < resumed_from < 80
    assert contents(disturbed) == contents(undisturbed)
    one, other = manifest_of(disturbed), manifest_of(undisturbed)
    assert one.environment["resumedFrom"] == resumed_from
    assert "resumedFrom" not in other.environment
    assert one.compute.tokens == other.compute.tokens
    assert [p["loss"] for p in one.metrics["curve"]] == [p["loss"] for p in other.metrics["curve"]]
    shown = curves_below(world / "disturbed" / disturbed.stage.ref)
    assert [step for step, _ in shown["train/loss"]] == list(range(1, 81))
    whole = curves_below(world / "undisturbed" / undisturbed.stage.ref)
    for name in ("train/loss", "train/learningRate"):
        assert shown[name] == whole[name]


def test_finetune_killed_after_its_best_epoch_still_gives_that_epoch(world: Path) -> None:
    undisturbed = finetune_spec(world, "undisturbed", "first")
    run(undisturbed)
    manifest = manifest_of(undisturbed)
    per_epoch = len(manifest.metrics["curve"]) // 8
    best = manifest.metrics["bestEpoch"]
    assert best <= 6, "the best epoch must come early, or this test shows nothing"

    disturbed = finetune_spec(world, "disturbed", "first")
    kill_after(disturbed, best * per_epoch + 2, world)
    run(disturbed)
    assert manifest_of(disturbed).metrics["bestEpoch"] == best
    assert contents(disturbed) == contents(undisturbed)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_stopping_gives_the_lease_back_and_another_holder_goes_on(
    world: Path, which: signal.Signals
) -> None:
    undisturbed = embed_spec(world, "undisturbed", "first")
    run(undisturbed)

    stopped = embed_spec(world, "disturbed", "first")
    with process(stopped, world, **EVERY_STEP) as running:
        wait_until(lambda: checkpoint_step(stopped) >= 5, running=running)
        running.send_signal(which)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "resume" in errors and "Traceback" not in errors
    lease = Lease(open_store(stopped.store), stopped.stage, "anybody").read()
    assert lease is not None and lease[0].released

    # In this process and under another name: the checkpoint is the stage's, not the holder's.
    second = embed_spec(world, "disturbed", "second")
    stopped_at = checkpoint_step(stopped)
    manifest = run(second)
    assert manifest.holder == "second" and manifest.environment["resumedFrom"] == stopped_at
    assert contents(second) == contents(undisturbed)
