"""What an error of torch or Ray means to whoever retries: one of our four classes."""

import errno
import sys
from typing import Any

import torch
from safetensors import SafetensorError

from lingraft.errors import (
    DiskFullError,
    InfrastructureError,
    LingraftError,
    ResourceError,
    StageBusyError,
)
from lingraft.stage import Failure
from lingraft_trainer.machine.device import no_gpu, tells_of_no_gpu


def classified(error: Exception) -> LingraftError:
    """Any error as one of ours, so that whoever retries knows what to do."""
    error = _cause(error)
    if isinstance(error, LingraftError):
        return error
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _is_rays(error, "OutOfMemory"):
        # Ray adds a page on every process of the node to its first line.
        told = str(error).partition("\n")[0].rstrip(".")
        return ResourceError(f"out of memory: {told}; use a smaller micro-batch")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFullError("the disk is full: free some space", where=str(error.filename or ""))
    if isinstance(error, SafetensorError) and f"os error {errno.ENOSPC}" in str(error):
        return DiskFullError("the disk is full: free some space")
    # The second is Ray Train's PreemptionError, which takes seconds to import.
    if _is_rays(error, "RayActor") or hasattr(error, "preemption_info"):
        return InfrastructureError("a Ray worker was lost: it was killed, or its node went away")
    if told := tells_of_no_gpu(error):
        return no_gpu(told)
    return LingraftError(f"{type(error).__name__}: {error}")


def _is_rays(error: Exception, name: str) -> bool:
    """Whether an error is of one of Ray's classes; a run without Ray does not load it for that."""
    rays = sys.modules.get("ray.exceptions")
    return rays is not None and isinstance(error, getattr(rays, f"{name}Error"))


def of_workers(error: Exception) -> LingraftError:
    """Why `TorchTrainer.fit` failed.

    Where one worker fails the others do too, of a broken connection: among their errors the one
    that says most counts, and then that of the lowest rank.
    """
    failures: dict[int, Exception] = getattr(error, "worker_failures", {}) or {0: error}
    causes = [classified(failure) for _, failure in sorted(failures.items())]
    return min(causes, key=_vagueness)


def failure_of(error: LingraftError) -> Failure:
    """What stands of an error in the store."""
    return Failure(
        failure_class=error.failure_class,
        reason=type(error).__name__,
        message=error.message,
        where=error.where,
    )


def _cause(error: Exception) -> Exception:
    """What lies below Ray Train's report that a worker no longer answers, or that `fit` failed."""
    for name in ("health_check_failure", "controller_failure"):
        inner: Any = getattr(error, name, None)
        if isinstance(inner, Exception):
            return _cause(inner)
    return error


def _vagueness(error: LingraftError) -> int:
    if error.failure_class != "infrastructure" or isinstance(error, StageBusyError):
        return 0
    return 2 if type(error) is LingraftError else 1
