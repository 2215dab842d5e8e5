"""Errors of torch, Ray and the system become one of the classes that a retry goes by."""

import errno

import pytest
import torch
from ray.exceptions import ActorDiedError, OutOfMemoryError
from ray.train import WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError
from safetensors import SafetensorError

from lingraft.errors import (
    DiskFullError,
    InfrastructureError,
    LingraftError,
    ResourceError,
    StageBusyError,
    UserError,
)
from lingraft_trainer.machine.device import NoGpuError
from lingraft_trainer.running.failures import classified, failure_of, of_workers

KILLED = OutOfMemoryError("4 worker(s) were killed due to the node running low on memory.\nA page")
LOST = ActorDiedError()
BROKEN = RuntimeError("Read error [127.0.0.1]:4742: Connection reset by peer")


UNUSABLE = [
    ValueError("ProcessGroupNCCL is only supported with GPUs, no GPUs found!"),
    RuntimeError(
        'line 2181\n  raise RuntimeError("Distributed package doesn\'t have NCCL built in")\n'
        "RuntimeError: Distributed package doesn't have NCCL built in"
    ),
    RuntimeError("No CUDA GPUs are available"),
    RuntimeError(
        "The NVIDIA driver on your system is too old (found version 12020). Please update it"
    ),
    RuntimeError("CUDA driver version is insufficient for CUDA runtime version"),
    RuntimeError(
        "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors "
        "might be asynchronously reported"
    ),
    RuntimeError(
        "NCCL error: invalid usage\nLast error:\nDuplicate GPU detected : "
        "rank 1 and rank 0 both on CUDA device 2000"
    ),
]


def unanswered(cause: Exception) -> Exception:
    """How Ray Train reports a worker that died of something else than our own code."""
    return WorkerHealthCheckFailedError("A worker health check failed.", failure=cause)


def group(*errors: Exception) -> WorkerGroupError:
    """What `TorchTrainer.fit` raises; each worker's error, by rank."""
    return WorkerGroupError("...", dict(enumerate(errors)))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), ResourceError),
        (torch.OutOfMemoryError("CUDA out of memory"), ResourceError),
        (KILLED, ResourceError),
        (unanswered(KILLED), ResourceError),
        (OSError(errno.ENOSPC, "No space left", "/scratch"), DiskFullError),
        (SafetensorError(f"I/O error: No space left (os error {errno.ENOSPC})"), DiskFullError),
        (LOST, InfrastructureError),
        (unanswered(LOST), InfrastructureError),
        (BROKEN, LingraftError),
        *((error, NoGpuError) for error in UNUSABLE),
        (unanswered(UNUSABLE[0]), NoGpuError),
        (RuntimeError("CUDA error: unspecified launch failure"), LingraftError),
        (torch.OutOfMemoryError("CUDA out of memory; no kernel image is available"), ResourceError),
        (UserError("bad data"), UserError),
    ],
    ids=repr,
)
def test_classes(error: Exception, kind: type[LingraftError]) -> None:
    assert type(classified(error)) is kind


@pytest.mark.parametrize("error", UNUSABLE, ids=repr)
def test_what_torch_told_of_a_gpu_stands_in_one_line(error: Exception) -> None:
    told = classified(error).message
    assert "\n" not in told and "raise" not in told and "gpus: 0" in told


def test_a_message_is_one_line_though_rays_is_a_page() -> None:
    told = classified(unanswered(KILLED)).message
    assert "\n" not in told
    assert "low on memory" in told and "micro-batch" in told


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        # A worker that dies takes the others' connections with it: theirs is not the reason.
        ((BROKEN, unanswered(KILLED)), ResourceError),
        ((LingraftError("RuntimeError: broken"), unanswered(LOST)), InfrastructureError),
        ((LOST, UserError("bad data")), UserError),
        ((StageBusyError("first is at work"), BROKEN), StageBusyError),
        ((BROKEN, BROKEN), LingraftError),
    ],
    ids=repr,
)
def test_of_several_workers_the_one_that_knows_why_is_heard(
    errors: tuple[Exception, ...], kind: type[LingraftError]
) -> None:
    assert type(of_workers(group(*errors))) is kind


def test_of_equal_reasons_the_lowest_ranks_counts() -> None:
    assert of_workers(group(BROKEN, UserError("b"), UserError("c"))).message == "b"


def test_the_controller_may_be_killed_too() -> None:
    assert isinstance(of_workers(KILLED), ResourceError)


def test_what_is_stored_of_an_error() -> None:
    failure = failure_of(UserError("bad data", where="spec.tasks[0].train"))
    assert failure.failure_class == "user" and failure.reason == "UserError"
    assert (failure.message, failure.where) == ("bad data", "spec.tasks[0].train")
