"""Snapshots of step 2: what they hold, and that neither they nor an interruption change it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lingraft.params import EmbedParams, GraftParams
from lingraft_trainer.stages import embed as embed_stage
from lingraft_trainer.stages.embed import EMBEDDINGS, embed
from lingraft_trainer.stages.snapshots import MOST_BETWEEN, snapshot_file, snapshots_between
from lingraft_trainer.training import checkpoints
from tests.support.tiny import TARGET_WORDS, context, tiny_base, tiny_corpus, training

STEPS = (0, 3, 7, 20)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    base = tiny_base("roberta", tmp_path / "base")
    return {
        "model": base,
        "base": base,
        "corpus": tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus"),
    }


def params(**changes) -> dict[str, object]:
    return {"method": "Standard", "init": "random", "training": training()} | changes


def files(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_the_last_snapshot_is_the_result_and_keeping_them_changes_nothing(inputs, tmp_path):
    bare = context(tmp_path / "bare", params(), **inputs)
    kept = context(tmp_path / "kept", params(snapshots=STEPS), **inputs)
    assert "snapshots" not in embed(bare).metrics
    record = embed(kept).metrics["snapshots"]

    assert files(bare.out).keys() == {EMBEDDINGS}
    assert files(kept.out).keys() == {EMBEDDINGS, *map(snapshot_file, STEPS)}
    assert files(kept.out)[EMBEDDINGS] == files(bare.out)[EMBEDDINGS]
    assert files(kept.out)[snapshot_file(20)] == files(bare.out)[EMBEDDINGS]
    assert not load_file(kept.out / snapshot_file(0))["bias"].any()
    third, seventh = (load_file(kept.out / snapshot_file(step))["weight"] for step in (3, 7))
    assert not torch.equal(third, seventh)
    assert [one["step"] for one in record] == list(STEPS)
    used = [one["cpuSeconds"] for one in record]
    assert used[0] == 0 and used == sorted(used)


def test_an_interrupted_run_has_the_snapshots_of_an_undisturbed_one(inputs, tmp_path, monkeypatch):
    undisturbed = context(tmp_path / "one", params(snapshots=STEPS), **inputs)
    embed(undisturbed)
    saved: list[Path] = []

    def save(step: int, folder: Path) -> None:
        saved.append(shutil.copytree(folder, tmp_path / f"checkpoint-{step}"))

    def stopping(ctx, *args, after_step, **kwargs):
        def after(done: int) -> None:
            after_step(done)
            if done == 10:
                raise ValueError("the machine is gone")

        return fit(ctx, *args, after_step=after, **kwargs)

    fit = embed_stage.fit
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    first = context(tmp_path / "first", params(snapshots=STEPS), **inputs)
    monkeypatch.setattr(embed_stage, "fit", stopping)
    with pytest.raises(ValueError, match="the machine is gone"):
        embed(replace(first, save_checkpoint=save))
    monkeypatch.setattr(embed_stage, "fit", fit)

    second = context(tmp_path / "second", params(snapshots=STEPS), **inputs)
    record = embed(replace(second, load_checkpoint=lambda: saved[-1])).metrics["snapshots"]
    assert second.environment["resumedFrom"] == 9
    assert files(second.out) == files(undisturbed.out)
    assert [one["step"] for one in record] == list(STEPS)
    assert record[1]["cpuSeconds"] > 0


@pytest.mark.parametrize(
    ("taken", "scored"),
    [
        ((), []),
        ((0, 20), []),
        ((0, 5, 20), [5]),
        ((0, 4, 5, 7, 10, 14, 20), [4, 5, 7, 10, 14]),
        ((0, *range(1, 12), 20), [2, 5, 8, 11]),
    ],
)
def test_a_few_between_the_ends_are_scored(taken, scored, tmp_path):
    for step in taken:
        file = tmp_path / snapshot_file(step)
        file.parent.mkdir(exist_ok=True)
        file.touch()
    found = snapshots_between(tmp_path)
    assert list(found) == scored and len(scored) <= MOST_BETWEEN
    assert all(file == tmp_path / snapshot_file(step) for step, file in found.items())


def test_unset_they_are_in_no_digest():
    asked = EmbedParams.model_validate(params())
    assert "snapshots" not in asked.to_json()
    graft = GraftParams(language="sw", method="Standard", init="overlap", seed=0, tasks=())
    assert "snapshot" not in graft.to_json()
    assert graft.model_copy(update={"snapshot": 0}).to_json()["snapshot"] == 0
