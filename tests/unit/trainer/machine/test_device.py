"""A GPU that was asked for is there, or it is said: nobody trains on the CPU in silence."""

from pathlib import Path

import pytest
import torch

from lingraft.stage import Execution, Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.stages import StageStore
from lingraft_trainer.machine.device import ROOM_TO_WORK, NoGpuError, device_of_this_worker, roomy
from lingraft_trainer.running.attempt import work

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="takes a machine without a GPU")


@without_gpu
def test_without_a_gpu_the_cpu_is_what_was_asked_for() -> None:
    assert device_of_this_worker(0) == torch.device("cpu")


@without_gpu
def test_a_gpu_that_was_asked_for_and_is_not_there_is_said() -> None:
    with pytest.raises(NoGpuError, match=r"pools\.\*\.gpus: .*none can be used here \(.+\); take"):
        device_of_this_worker(1)


def test_a_driver_that_is_too_old_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 12020).")

    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(NoGpuError, match="too old"):
        device_of_this_worker(2)


@without_gpu
def test_a_stage_ends_at_once_with_its_cause_in_the_store(tmp_path: Path) -> None:
    stage = Stage(kind="embed", params={}, inputs={"corpus": "corpus/none"})
    spec = StageSpec(
        stage=stage,
        store=tmp_path.as_uri(),
        holder="me",
        execution=Execution(gpus_per_worker=1),
    )
    with pytest.raises(NoGpuError):
        work(spec)
    said = StageStore(open_store(spec.store), stage, "me").read_failure("me")
    assert said is not None
    assert (said.failure_class, said.reason) == ("outside", "NoGpuError")


def test_a_model_that_a_gpu_has_no_room_for_is_read_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, gpu = torch.nn.Linear(1024, 1024, device="meta"), torch.device("cuda", 0)
    for free, wanted in ((ROOM_TO_WORK + (8 << 20), gpu), (ROOM_TO_WORK, torch.device("cpu"))):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 80 << 30))
        assert roomy(gpu, model) == wanted
    assert roomy(torch.device("cpu"), model).type == "cpu"
