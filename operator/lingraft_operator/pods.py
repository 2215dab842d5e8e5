"""What is wrong with a pod, in the terms of its status: pure.

API: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast, get_args

from lingraft_operator.world import PodKind, PodTrouble

GRAVITY: tuple[PodKind, ...] = get_args(PodKind)
CLUSTER, NODE_TYPE = "ray.io/cluster", "ray.io/node-type"
FATAL = {"InvalidImageName", "ErrImageNeverPull"}
UNREADY = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "RunContainerError",
}
LOST = {
    "Evicted",
    "NodeLost",
    "NodeAffinity",
    "NodeShutdown",
    "Preempting",
    "Shutdown",
    "Terminated",
}


def trouble_of(pod: Mapping[str, Any], now: datetime) -> PodTrouble | None:
    """The gravest trouble of a pod, or None while nothing is wrong."""
    return gravest(_troubles(pod, now))


def gravest(troubles: Iterable[PodTrouble]) -> PodTrouble | None:
    """The one to act on."""
    return max(troubles, key=lambda t: GRAVITY.index(t.kind), default=None)


class Head(NamedTuple):
    """A head pod that is there to stay."""

    name: str
    cluster: str
    """Its RayCluster."""
    since: datetime


def head_of(pod: Mapping[str, Any]) -> Head | None:
    """A pod as a head; None where it is a worker, has ended or is about to go."""
    metadata: Mapping[str, Any] = pod["metadata"]
    labels: Mapping[str, str] = metadata.get("labels") or {}
    status: Mapping[str, Any] = pod.get("status") or {}
    over = status.get("phase") in ("Failed", "Succeeded")
    if labels.get(NODE_TYPE) != "head" or over or metadata.get("deletionTimestamp"):
        return None
    since = datetime.fromisoformat(metadata["creationTimestamp"])
    return Head(metadata["name"], labels.get(CLUSTER, ""), since)


def doubled(heads: Iterable[Head]) -> PodTrouble | None:
    """Two heads of one RayCluster, which KubeRay makes where the first one's creation went unheard.

    It does nothing more for such a cluster until one of them is deleted.
    """
    first: dict[str, Head] = {}
    for head in sorted(heads, key=lambda one: one.since):
        other = first.setdefault(head.cluster, head)
        if other is not head:
            words = f"KubeRay made two head pods, {other.name} and {head.name}, and uses neither"
            return PodTrouble("doubled", "TwoHeadPods", words, head.since)
    return None


def _troubles(pod: Mapping[str, Any], now: datetime) -> Iterable[PodTrouble]:
    name: str = pod["metadata"]["name"]
    status: Mapping[str, Any] = pod.get("status") or {}
    listed: list[dict[str, Any]] = status.get("conditions") or []
    conditions = {one["type"]: one for one in listed}
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") != "Terminated":
        reason = str(scheduled.get("reason") or "Unschedulable")
        words = str(scheduled.get("message") or "waiting for a node")
        yield PodTrouble("waiting", reason, f"pod {name}: {words}", _time(scheduled, now))
    disruption = conditions.get("DisruptionTarget") or {}
    if disruption.get("status") == "True":
        words = str(disruption.get("message") or "its node or a preemption took it away")
        reason = str(disruption.get("reason") or "Disrupted")
        yield PodTrouble("disrupted", reason, f"pod {name}: {words}", _time(disruption, now))
    elif status.get("reason") in LOST:
        words = str(status.get("message") or "its node is gone")
        yield PodTrouble("disrupted", str(status["reason"]), f"pod {name}: {words}", now)
    since = _time(scheduled, now)
    for container in _containers(status):
        state: Mapping[str, Any] = container.get("state") or {}
        former: Mapping[str, Any] = container.get("lastState") or {}
        waiting = cast(Mapping[str, Any], state.get("waiting") or {})
        died = cast(Mapping[str, Any], former.get("terminated") or {}).get("finishedAt")
        # One that worked for hours has not been in trouble since its pod got a node.
        waits_since = max(since, datetime.fromisoformat(died)) if died else since
        reason = str(waiting.get("reason") or "")
        words = f"pod {name}: {waiting.get('message') or reason}"
        if reason in FATAL:
            yield PodTrouble("fatal", reason, words, since)
        elif reason in UNREADY:
            yield PodTrouble("unready", reason, words, waits_since)
        ended: list[Mapping[str, Any]] = [
            one for one in (state.get("terminated"), former.get("terminated")) if one
        ]
        if any(one.get("reason") == "OOMKilled" for one in ended):
            words = f"pod {name}: container {container.get('name')} ran out of memory"
            yield PodTrouble("memory", "OOMKilled", words, since)


def _containers(status: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(field) or []


def _time(condition: Mapping[str, Any], now: datetime) -> datetime:
    text = condition.get("lastTransitionTime")
    return datetime.fromisoformat(text) if text else now
