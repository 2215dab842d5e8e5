"""What is wrong with a pod, in the terms of its status: pure.

Times in it are told by other machines' clocks; `Cache` notes when we saw what is found here.
API: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast, get_args

from lingraft_operator import names
from lingraft_operator.observation.evictions import own_doing
from lingraft_operator.world import PodKind, Told

T = TypeVar("T", bound=Told)
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


def trouble_of(pod: Mapping[str, Any]) -> Told | None:
    """The gravest trouble of a pod, or None while nothing is wrong."""
    return gravest(_troubles(pod))


def gravest(troubles: Iterable[T]) -> T | None:
    """The one to act on."""
    return max(troubles, key=lambda one: GRAVITY.index(one.kind), default=None)


class Head(NamedTuple):
    """A head pod that is there to stay."""

    name: str
    cluster: str
    """Its RayCluster."""
    created_at: datetime


def head_of(pod: Mapping[str, Any]) -> Head | None:
    """A pod as a head; None where it is a worker, has ended or is about to go."""
    metadata: Mapping[str, Any] = pod["metadata"]
    labels: Mapping[str, str] = metadata.get("labels") or {}
    status: Mapping[str, Any] = pod.get("status") or {}
    over = status.get("phase") in ("Failed", "Succeeded")
    if labels.get(NODE_TYPE) != "head" or over or metadata.get("deletionTimestamp"):
        return None
    created_at = datetime.fromisoformat(metadata["creationTimestamp"])
    return Head(metadata["name"], labels.get(CLUSTER, ""), created_at)


def doubled(heads: Iterable[Head]) -> Told | None:
    """Two heads of one RayCluster, which KubeRay makes where the first one's creation went unheard.

    It does nothing more for such a cluster until one of them is deleted.
    """
    first: dict[str, Head] = {}
    for head in sorted(heads, key=lambda one: one.created_at):
        other = first.setdefault(head.cluster, head)
        if other is not head:
            words = f"KubeRay made two head pods, {other.name} and {head.name}, and uses neither"
            return Told("doubled", "TwoHeadPods", words)
    return None


def _troubles(pod: Mapping[str, Any]) -> Iterable[Told]:
    name: str = pod["metadata"]["name"]
    status: Mapping[str, Any] = pod.get("status") or {}
    listed: list[dict[str, Any]] = status.get("conditions") or []
    conditions = {one["type"]: one for one in listed}
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") != "Terminated":
        reason = str(scheduled.get("reason") or "Unschedulable")
        words = str(scheduled.get("message") or "waiting for a node")
        yield Told("waiting", reason, f"pod {name}: {words}")
    disruption = conditions.get("DisruptionTarget") or {}
    own = own_doing(status)
    if own is not None:
        yield Told("resource", own.reason, f"pod {name}: {own.message}")
    elif disruption.get("status") == "True":
        words = str(disruption.get("message") or "its node or a preemption took it away")
        reason = str(disruption.get("reason") or "Disrupted")
        yield Told("disrupted", reason, f"pod {name}: {words}")
    elif status.get("reason") in LOST:
        words = str(status.get("message") or "its node is gone")
        yield Told("disrupted", str(status["reason"]), f"pod {name}: {words}")
    for container in _containers(status):
        state: Mapping[str, Any] = container.get("state") or {}
        rays = container.get("name") in names.CONTAINERS
        waiting = cast(Mapping[str, Any], state.get("waiting") or {})
        reason = str(waiting.get("reason") or "")
        words = f"pod {name}: {waiting.get('message') or reason}"
        if reason in FATAL or reason in UNREADY:
            kind: PodKind = "aside" if not rays else "fatal" if reason in FATAL else "unready"
            # A reason of its own: nobody is to look for the trainer's image.
            yield Told(kind, reason if rays else f"Sidecar{reason}", words)
        if rays and _ran_out_of_memory(container):
            yield _out_of_memory(pod, name, str(container["name"]))


def _ran_out_of_memory(container: Mapping[str, Any]) -> bool:
    """Now, or before it was started again."""
    states: list[Mapping[str, Any]] = [
        container.get(field) or {} for field in ("state", "lastState")
    ]
    ended = [cast(Mapping[str, Any], one.get("terminated") or {}) for one in states]
    return any(one.get("reason") == "OOMKilled" for one in ended)


def _out_of_memory(pod: Mapping[str, Any], name: str, container: str) -> Told:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    if labels.get(names.HEAD) == names.BESIDE_WORKERS:
        words = "the head, which does not train, ran out of memory; raise head.memory of its pool"
        return Told("resource", names.HEAD_OUT_OF_MEMORY, f"pod {name}: {words}")
    words = f"container {container} ran out of memory"
    return Told("resource", "OOMKilled", f"pod {name}: {words}")


def _containers(status: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(field) or []
