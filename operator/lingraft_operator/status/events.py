"""Kubernetes Events: what changed between two statuses, told once."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lingraft.resource import API_VERSION, KIND
from lingraft.status import (
    Condition,
    LanguageAdaptationStatus,
    PublishedStatus,
    StageStatus,
)
from lingraft_operator.names import OPERATOR
from lingraft_operator.status.texts import cut
from lingraft_operator.world import Resource

NOTE_BYTES = 1000
"""The API server takes no Event with more than 1,024 bytes of words: letters may be several."""


@dataclass(frozen=True)
class Note:
    """One Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str


def transitions(
    before: LanguageAdaptationStatus, after: LanguageAdaptationStatus
) -> Iterator[Note]:
    """What is worth telling of a change: plans, stages that start, end or fail, the end."""
    if after.plan is not None and (
        before.plan is None or before.plan.generation != after.plan.generation
    ):
        cached = sum(stage.cached and stage.state == "Done" for stage in after.stages)
        words = f"{len(after.stages)} stages, {cached} of them in the store already"
        yield Note("Normal", "Planned", words, "Plan")
    known = {(stage.name, stage.digest): stage for stage in before.stages}
    for stage in after.stages:
        yield from _of_stage(known.get((stage.name, stage.digest)), stage)
    yield from _of_refresh(before, after)
    yield from _of_published(before.published, after.published)
    was, now = _final(before), _final(after)
    if now is not None and (was is None or (was.type, was.reason) != (now.type, now.reason)):
        good = now.type == "Ready"
        kind: Literal["Normal", "Warning"] = (
            "Normal" if good or now.reason == "Suspended" else "Warning"
        )
        reason = "Ready" if good and now.status == "True" else now.reason
        yield Note(kind, reason, now.message, "Reconcile")


def _of_refresh(
    before: LanguageAdaptationStatus, after: LanguageAdaptationStatus
) -> Iterator[Note]:
    """What a look found, and how what followed from it ended."""
    was = {one.type: one for one in before.conditions}.get("Refreshed")
    now = {one.type: one for one in after.conditions}.get("Refreshed")
    if now is None:
        return
    found = before.refresh is None or before.refresh.found != (
        after.refresh and after.refresh.found
    )
    ended = was is not None and was.status == "Unknown" != now.status
    if not (found or ended):
        return
    failed = now.status == "False"
    reason = now.reason if failed else "Refreshed" if now.status == "True" else "Refreshing"
    yield Note("Warning" if failed else "Normal", reason, now.message, "Refresh")


def _of_published(before: PublishedStatus | None, after: PublishedStatus | None) -> Iterator[Note]:
    """What readers get from now on, and how a roll-back that was asked for went."""
    if after is None:
        return
    said = after.rollback
    if said and (before is None or before.rollback != said):
        good = after.version == after.asked
        kind: Literal["Normal", "Warning"] = "Normal" if good else "Warning"
        yield Note(kind, "RolledBack" if good else "RollbackFailed", said, "Publish")
    elif after.version and (before is None or before.version != after.version):
        yield Note("Normal", "Published", f"{after.uri} holds {after.version}", "Publish")


def _of_stage(before: StageStatus | None, stage: StageStatus) -> Iterator[Note]:
    known = {attempt.uid: attempt for attempt in before.attempts} if before else {}
    for attempt in stage.attempts:
        was = known.get(attempt.uid)
        if was is None:
            words = f"{stage.name}: attempt {attempt.number}, RayJob {attempt.ray_job}"
            yield Note("Normal", "StageStarted", words, "Launch")
        if attempt.failure_class is not None and (was is None or was.ended_at is None):
            words = f"{stage.name}: {attempt.message}"
            yield Note("Warning", attempt.reason or "StageFailed", words, "Retry")
    if stage.state == "Done" and not stage.cached and (before is None or before.state != "Done"):
        yield Note("Normal", "StageSucceeded", f"{stage.name} is in the store", "Observe")


def _final(status: LanguageAdaptationStatus) -> Condition | None:
    """The condition that says how it stands for good, if it does."""
    if status.phase == "Stalled":
        return next((c for c in status.conditions if c.type == "Stalled"), None)
    if status.phase in ("Ready", "Suspended"):
        return next((c for c in status.conditions if c.type == "Ready"), None)
    return None


def event(resource: Resource, note: Note, now: datetime) -> dict[str, Any]:
    """The Event that says it.

    API: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
    """
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{resource.name[:200].rstrip('-.')}.{secrets.token_hex(8)}",
            "namespace": resource.namespace,
        },
        "type": note.type,
        "reason": note.reason,
        "note": cut(note.message, NOTE_BYTES),
        "action": note.action,
        "eventTime": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "reportingController": f"{API_VERSION.split('/')[0]}/operator",
        "reportingInstance": OPERATOR,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": resource.name,
            "namespace": resource.namespace,
            "uid": resource.uid,
        },
    }
