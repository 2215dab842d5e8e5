"""Why a RayJob or a pod that has a node does not start: only Events say so. Pure.

API: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lingraft_operator.world import PodTrouble, RayJob

REASONS = {
    # The kubelet's: a ConfigMap or volume that is missing, a network without addresses.
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "FailedMapVolume",
    "FailedMount",
    "NetworkNotReady",
    # KubeRay's: an admission rule, a quota, a ServiceAccount that is missing.
    "FailedToCreateHeadPod",
    "FailedToCreateRayCluster",
    "FailedToCreateWorkerPod",
}
PATIENCE = timedelta(seconds=60)
"""What starts at once says nothing worth asking for."""


def is_late(rayjob: RayJob, trouble: PodTrouble | None, now: datetime) -> bool:
    """Whether a RayJob should have started, and nothing is known of why it has not."""
    waits = not (rayjob.finished or rayjob.running or rayjob.suspended or rayjob.deleting)
    known = trouble is not None or rayjob.refused
    return waits and not known and rayjob.created_at + PATIENCE <= now


def trouble_of_events(events: Iterable[Mapping[str, Any]]) -> PodTrouble | None:
    """What one object's Events say, if the newest of them is of a start that failed.

    A later one, of an image that is pulled, say, tells that it went on.
    """
    newest = max(events, key=lambda one: int(one["metadata"]["resourceVersion"]), default=None)
    if newest is None or newest.get("type") != "Warning" or newest.get("reason") not in REASONS:
        return None
    about: Mapping[str, Any] = newest.get("regarding") or {}
    words = f"{about.get('kind', '')} {about.get('name', '')}: {newest.get('note', '')}"
    since = datetime.fromisoformat(newest["metadata"]["creationTimestamp"])
    return PodTrouble("unready", str(newest["reason"]), words, since)
