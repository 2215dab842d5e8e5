"""Why an attempt ended, from what is left of it: pure.

In the order of how much can be believed: what the trainer wrote to the store, what
Kubernetes says of the pods, what KubeRay says of the RayJob.
"""

import re
from dataclasses import replace

from lingraft.status import Attempt, StageStatus
from lingraft_operator.world import Ending, Observed, PodTrouble, RayJob

BUSY = "StageBusy"
NEVER_RAN = "PreRunningDeadlineExceeded"
WAITING = ("WaitingForCapacity", "WaitingForQueue")
"""Reasons for which a RayJob may come to nothing without anybody's fault."""
USER_EXIT, BUSY_EXIT, OUTSIDE_EXIT = 2, 3, 4
"""Exit codes of `python -m lingraft_trainer`, which Ray quotes in the job's message."""


def ending_of(attempt: Attempt, rayjob: RayJob | None, observed: Observed) -> Ending:
    """Classify an attempt that is over and left no manifest.

    Args:
        attempt: As it stands in the status.
        rayjob: Its RayJob, finished; None if that is gone.
        observed: Failures, checkpoints and pods.
    """
    said = observed.failures.get(attempt.holder)
    trouble = observed.troubles.get(attempt.holder)
    if said is not None and said.failure_class != "infrastructure":
        where = f"{said.where}: " if said.where else ""
        return Ending(said.failure_class, said.reason, where + said.message)
    if trouble is not None and trouble.kind in ("memory", "fatal", "disrupted"):
        return _of_pod(trouble, went_on=_went_on(attempt, observed))
    if said is not None:
        return Ending("infrastructure", said.reason, said.message)
    if rayjob is None:
        message = f"RayJob {attempt.ray_job} was deleted before it was done"
        return Ending("infrastructure", "RayJobDeleted", message)
    return _of_rayjob(rayjob)


def never_ran(ending: Ending, stage: StageStatus) -> Ending:
    """The end of an attempt that never ran: by what was last said of why it does not start."""
    if stage.reason in WAITING:
        return replace(ending, counted=False)
    said = stage.reason not in ("", "Starting")
    return Ending("outside", stage.reason if said else NEVER_RAN, stage.message or ending.message)


def _went_on(attempt: Attempt, observed: Observed) -> bool:
    """Whether there is a checkpoint that this attempt made."""
    return attempt.holder in observed.checkpoints


def _of_pod(trouble: PodTrouble, *, went_on: bool) -> Ending:
    if trouble.kind == "memory":
        return Ending("resource", trouble.reason, trouble.message)
    if trouble.kind == "fatal":
        return Ending("outside", trouble.reason, trouble.message)
    # A preempted attempt that moved its checkpoint on has cost nothing that is not kept.
    return Ending("infrastructure", trouble.reason, trouble.message, counted=not went_on)


def _of_rayjob(rayjob: RayJob) -> Ending:
    message = rayjob.message or f"RayJob {rayjob.name} ended as {rayjob.deployment_status}"
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
        return Ending("infrastructure", "NoManifest", message)
    return Ending("infrastructure", rayjob.reason or "RayJobFailed", message)
