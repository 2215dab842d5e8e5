"""What a kubelet says of a pod: pure functions from a pod to its status."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.cluster.bed.api import Object

Lookup = Callable[[str, str], Object | None]
"""(plural, name) to the Secret (`secrets`) or ConfigMap of the pod's namespace, or None."""


@dataclass(frozen=True)
class Waiting:
    """Why the containers of a pod do not start."""

    reason: str
    message: str


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def containers(pod: Object) -> list[Object]:
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def references(pod: Object) -> Iterator[tuple[str, str, str | None]]:
    """(plural, name, key or None) of what the containers' environments need to exist."""
    kinds = {"secretKeyRef": "secrets", "configMapKeyRef": "configmaps"}
    whole = {"secretRef": "secrets", "configMapRef": "configmaps"}
    for container in containers(pod):
        for variable in container.get("env", []):
            for field, plural in kinds.items():
                one = variable.get("valueFrom", {}).get(field)
                if one and not one.get("optional"):
                    yield plural, one["name"], one["key"]
        for source in container.get("envFrom", []):
            for field, plural in whole.items():
                one = source.get(field)
                if one and not one.get("optional"):
                    yield plural, one["name"], None


def config_error(pod: Object, lookup: Lookup) -> Waiting | None:
    """CreateContainerConfigError in the real kubelet's words, if something does not exist."""
    namespace = pod["metadata"]["namespace"]
    for plural, name, key in references(pod):
        found = lookup(plural, name)
        kind = {"secrets": "Secret", "configmaps": "ConfigMap"}[plural]
        if found is None:
            message = f'{kind.lower()} "{name}" not found'
        elif key is not None and key not in found.get("data", {}):
            message = f"couldn't find key {key} in {kind} {namespace}/{name}"
        else:
            continue
        return Waiting("CreateContainerConfigError", message)
    return None


def mount_error(pod: Object, lookup: Lookup) -> Waiting | None:
    """A pod whose volumes do not exist stays in ContainerCreating."""
    for volume in pod["spec"].get("volumes", []):
        for field, key, plural in (
            ("secret", "secretName", "secrets"),
            ("configMap", "name", "configmaps"),
        ):
            one = volume.get(field)
            if one and not one.get("optional") and lookup(plural, one[key]) is None:
                return Waiting("ContainerCreating", "")
    return None


def waiting_status(pod: Object, why: Waiting) -> Object:
    """Pending: bound, and none of the containers runs."""
    waiting = {"reason": why.reason} | ({"message": why.message} if why.message else {})
    return _status(pod, "Pending", {"waiting": waiting}, ready=False)


def running_status(pod: Object) -> Object:
    """All containers run and are ready; init containers are done."""
    return _status(pod, "Running", {"running": {"startedAt": now()}}, ready=True)


def killed_status(pod: Object, container: str, reason: str, code: int) -> Object:
    """One container was killed: the pod has failed, or restarts it where its policy says so."""
    terminated = {"exitCode": code, "reason": reason, "startedAt": now(), "finishedAt": now()}
    restarts = pod["spec"].get("restartPolicy", "Always") != "Never"
    status = {**pod["status"], "containerStatuses": []}
    for one in pod["status"]["containerStatuses"]:
        changed = dict(one)
        if one["name"] == container and restarts:
            changed["lastState"] = {"terminated": terminated}
            changed["restartCount"] = one["restartCount"] + 1
            changed["state"] = {"running": {"startedAt": now()}}
        elif one["name"] == container:
            changed |= {"state": {"terminated": terminated}, "ready": False, "started": False}
        status["containerStatuses"].append(changed)
    if not restarts:
        status["phase"] = "Failed"
        status["conditions"] = _conditions(ready=False)
    return status


def _status(pod: Object, phase: str, state: Object, *, ready: bool) -> Object:
    address = _address(pod["metadata"]["uid"])
    done = {"exitCode": 0, "reason": "Completed", "startedAt": now(), "finishedAt": now()}
    init_state = {"terminated": done} if ready else {"waiting": {"reason": "PodInitializing"}}
    inits = pod["spec"].get("initContainers", [])
    return {
        "phase": phase,
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": pod.get("status", {}).get("startTime", now()),
        "conditions": _conditions(ready=ready),
        "initContainerStatuses": [_container(one, init_state, ready=ready) for one in inits],
        "containerStatuses": [
            _container(one, state, ready=ready) for one in pod["spec"]["containers"]
        ],
    }


def _container(container: Object, state: Object, *, ready: bool) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
    }


def _conditions(*, ready: bool) -> list[Object]:
    said = {
        "PodScheduled": True,
        "PodReadyToStartContainers": True,
        "Initialized": ready,
        "ContainersReady": ready,
        "Ready": ready,
    }
    return [
        {"type": name, "status": str(value), "lastTransitionTime": now()}
        for name, value in said.items()
    ]


def _address(uid: str) -> str:
    number = int(uid.replace("-", "")[:6], 16)
    return f"10.{64 + (number >> 18) % 64}.{(number >> 9) % 256}.{1 + number % 254}"
