"""On a machine with a GPU a run takes it, with workers and without. Skipped without one."""

from pathlib import Path

import pytest
import torch

from lingraft.errors import UserError
from lingraft.stage import Execution, StageSpec
from lingraft_trainer.running.runner import run
from tests.support.stages import manifest_of, run_process, spec_of
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU"),
]


def spec(folder: Path, workers: int) -> StageSpec:
    return spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=60)},
        folder / f"store-{workers}",
        execution=Execution(workers=workers, threads=1),
        model=tiny_base("roberta", folder / f"base-{workers}"),
        base=tiny_base("roberta", folder / "base"),
        corpus=tiny_corpus("roberta", TARGET_WORDS, folder / "corpus"),
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_it_trains_in_bf16_on_the_gpu(workers: int, tmp_path: Path) -> None:
    one = spec(tmp_path, workers)
    code, errors = run_process(one, tmp_path)
    assert code == 0, errors
    manifest = manifest_of(one)
    assert manifest.environment["device"] == torch.cuda.get_device_name()
    assert manifest.environment["precision"] == "bf16"
    assert manifest.compute.device_seconds == pytest.approx(manifest.compute.seconds)
    curve = [point["loss"] for point in manifest.metrics["curve"]]
    assert curve[-1] < curve[0]


def test_more_workers_than_gpus_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"do not fit on \d GPU"):
        run(spec(tmp_path, torch.cuda.device_count() + 1))
