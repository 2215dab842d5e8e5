"""Why an attempt ended, from what is left of it: pure.

In the order of how much can be believed: what the trainer wrote to the store, what Kubernetes
says of the pods, what KubeRay says of the RayJob. Only what was said about the end judges it; what
else was said stands in the message.
"""

import re
from dataclasses import replace
from datetime import timedelta

from lingraft.errors import DiskFullError
from lingraft.status import Attempt, StageStatus
from lingraft_operator.jobs.podspec import GRACE_SECONDS
from lingraft_operator.names import HEAD_OUT_OF_MEMORY, OUT_OF_DISK
from lingraft_operator.world import Ending, Observed, PodTrouble, RayJob

BUSY = "StageBusy"
NEVER_RAN = "PreRunningDeadlineExceeded"
WAITING = ("WaitingForCapacity", "WaitingForQueue")
"""Reasons for which a RayJob may come to nothing without anybody's fault."""
USER_EXIT, BUSY_EXIT, OUTSIDE_EXIT = 2, 3, 4
"""Exit codes of `python -m lingraft_trainer`, which Ray quotes in the job's message."""
ENDS_WITHIN = timedelta(seconds=2 * GRACE_SECONDS)
"""How long a trainer may go on after its pod's disruption was seen: pods are given half of it."""
NOT_THE_BATCH = {OUT_OF_DISK, HEAD_OUT_OF_MEMORY, DiskFullError.__name__}
"""Reasons of resource failures that a smaller micro-batch does not mend."""


def ending_of(
    attempt: Attempt, rayjob: RayJob | None, observed: Observed, *, kept: int = 0
) -> Ending:
    """Classify an attempt that is over and left no manifest.

    Args:
        attempt: As it stands in the status.
        rayjob: Its RayJob, finished or given up; None if that is gone.
        observed: Failures, checkpoints and pods.
        kept: Updates that were in a checkpoint before it.
    """
    said = observed.failures.get(attempt.holder)
    trouble = observed.troubles.get(attempt.holder)
    disruption = observed.disruptions.get(attempt.holder)
    words = f"{said.where}: {said.message}" if said and said.where else said.message if said else ""
    if said is not None and said.failure_class != "infrastructure":
        return Ending(said.failure_class, said.reason, _both(words, trouble or disruption))
    if trouble is not None and trouble.kind in ("resource", "fatal"):
        failure_class = "resource" if trouble.kind == "resource" else "outside"
        return Ending(failure_class, trouble.reason, _both(trouble.message, words))
    if disruption is not None and not _was_survived(disruption, attempt, rayjob, observed):
        # What an attempt kept beyond those before has cost nothing.
        counted = observed.checkpoints.get(attempt.holder, 0) <= kept
        message = _both(disruption.message, words)
        return Ending("infrastructure", disruption.reason, message, counted=counted)
    if said is not None:
        return Ending("infrastructure", said.reason, _both(words, disruption))
    if rayjob is None:
        message = f"RayJob {attempt.ray_job} was deleted before it was done"
        return Ending("infrastructure", "RayJobDeleted", _both(message, disruption))
    return _of_rayjob(rayjob, disruption)


def never_ran(ending: Ending, stage: StageStatus) -> Ending:
    """The end of an attempt that never ran: by what was last said of why it does not start."""
    if stage.reason in WAITING:
        return replace(ending, counted=False)
    said = stage.reason not in ("", "Starting")
    return Ending("outside", stage.reason if said else NEVER_RAN, stage.message or ending.message)


def _both(message: str, other: PodTrouble | str | None) -> str:
    """What judges, and what was said beside it."""
    words = other.message if isinstance(other, PodTrouble) else other
    return f"{message} (also said: {words})" if words else message


def _was_survived(
    disruption: PodTrouble, attempt: Attempt, rayjob: RayJob | None, observed: Observed
) -> bool:
    """Whether the trainer was started again or went on after it: then it was not the end."""
    started = rayjob.running_since if rayjob is not None else None
    signs = observed.signs.get(attempt.holder)
    moved = signs.moved if signs is not None else None
    return (started is not None and started > disruption.since) or (
        moved is not None and moved > disruption.since + ENDS_WITHIN
    )


def _of_rayjob(rayjob: RayJob, disruption: PodTrouble | None) -> Ending:
    message = rayjob.message or f"RayJob {rayjob.name} ended as {rayjob.deployment_status}"
    message = _both(message, disruption)
    exited = re.search(r"exit code (-?\d+)", rayjob.message)
    code = int(exited[1]) if exited else None
    if rayjob.deployment_status == "ValidationFailed":
        return Ending("outside", "RayJobRefused", message)
    if rayjob.reason == NEVER_RAN:
        return Ending("infrastructure", NEVER_RAN, message)
    if code == BUSY_EXIT:
        return Ending("infrastructure", BUSY, message, counted=False)
    if code == OUTSIDE_EXIT:
        return Ending("outside", "CredentialsRefused", message)
    if code == USER_EXIT:
        return Ending("user", "StageFailed", message)
    if rayjob.deployment_status == "Complete" and rayjob.job_status == "SUCCEEDED":
        message = f"RayJob {rayjob.name} succeeded, but there is no manifest in the store"
        return Ending("infrastructure", "NoManifest", _both(message, disruption))
    return Ending("infrastructure", rayjob.reason or "RayJobFailed", message)
