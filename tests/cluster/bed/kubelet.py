"""The stand-in kubelet: nodes that are there, pods that run because they are bound."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import urllib3

from tests.cluster.bed.api import Api, ApiError, Event, Object
from tests.cluster.bed.nodes import (
    LEASE_SECONDS,
    NODE_POOLS,
    NODES,
    Node,
    register,
    renew_lease,
    set_ready,
)
from tests.cluster.bed.paths import pod_path
from tests.cluster.bed.pods import (
    Waiting,
    config_error,
    killed_status,
    mount_error,
    running_status,
    waiting_status,
)

__all__ = ["NODES", "Kubelet", "Node"]

PODS = "/api/v1/pods"
AWAY = (ApiError, urllib3.exceptions.HTTPError)


@dataclass
class Refusal:
    """Pods that match do not start; `Kubelet.accept` ends it."""

    matches: Callable[[Object], bool]
    waiting: Waiting


class Kubelet:
    """Every node's kubelet. Misbehaves through its methods."""

    def __init__(self, api: Api, nodes: Sequence[Node] = NODE_POOLS) -> None:
        self._api = api
        self._nodes = {node.name: node for node in nodes}
        self._lost: set[str] = set()
        self._refusals: list[Refusal] = []
        self._pods: dict[str, Object] = {}  # by uid, as last seen
        self._failed: set[str] = set()  # whose last treatment the API server did not take
        self._lock = threading.RLock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Register the nodes and look after their pods from now on."""
        for node in self._nodes.values():
            register(self._api, node)
        for target in (
            lambda: self._api.follow(PODS, self._on_pod, self._stop),
            lambda: self._api.follow("/api/v1/secrets", self._on_config, self._stop),
            lambda: self._api.follow("/api/v1/configmaps", self._on_config, self._stop),
            self._tick,
        ):
            threading.Thread(target=target, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    # Misbehaviour

    def refuse(
        self,
        reason: str = "ImagePullBackOff",
        message: str = 'Back-off pulling image "trainer:missing"',
        *,
        namespace: str = "",
        matches: Callable[[Object], bool] = lambda pod: True,
    ) -> Refusal:
        """From now on new pods (of a namespace, and matching) wait with this reason."""

        def chosen(pod: Object) -> bool:
            return namespace in ("", pod["metadata"]["namespace"]) and matches(pod)

        refusal = Refusal(chosen, Waiting(reason, message))
        with self._lock:
            self._refusals.append(refusal)
        return refusal

    def accept(self, refusal: Refusal) -> None:
        """End a refusal: what waited because of it starts."""
        with self._lock:
            self._refusals.remove(refusal)
            waiting = [p for p in self._pods.values() if p["status"].get("phase") == "Pending"]
        for pod in waiting:
            self._reconcile(pod)

    def reset(self) -> None:
        """End every refusal."""
        for refusal in list(self._refusals):
            self.accept(refusal)

    def oom_kill(self, pod: Object, container: str | None = None) -> None:
        """The kernel killed a container (the first, unless named) for its memory."""
        name = container or pod["spec"]["containers"][0]["name"]
        fresh = self._api.get(pod_path(pod))
        self._write_status(fresh, killed_status(fresh, name, "OOMKilled", 137))

    def lose_node(self, name: str) -> None:
        """The node is silent from now on: unreachable, and its pods are evicted but never gone.

        Ready turns Unknown at once, which Kubernetes' own controller does after 50 s only.
        """
        with self._lock:
            self._lost.add(name)
        set_ready(self._api, name, "Unknown", "NodeStatusUnknown")

    def return_node(self, name: str) -> None:
        """The node is back; pods that were evicted meanwhile go now."""
        with self._lock:
            self._lost.discard(name)
            pods = list(self._pods.values())
        set_ready(self._api, name, "True", "KubeletReady")
        renew_lease(self._api, name)
        for pod in pods:
            self._reconcile(pod)

    # What kubelets do

    def _on_pod(self, event: Event) -> None:
        uid = event.object["metadata"]["uid"]
        with self._lock:
            if event.type == "DELETED":
                self._pods.pop(uid, None)
                return
            self._pods[uid] = event.object
        self._reconcile(event.object)

    def _on_config(self, event: Event) -> None:
        """A Secret or ConfigMap changed: pods of its namespace that wait may start now."""
        namespace = event.object["metadata"]["namespace"]
        with self._lock:
            waiting = [
                pod
                for pod in self._pods.values()
                if pod["metadata"]["namespace"] == namespace
                and pod["status"].get("phase") == "Pending"
            ]
        for pod in waiting:
            self._reconcile(pod)

    def _reconcile(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            self._treat(pod)
        except AWAY:
            with self._lock:
                self._failed.add(uid)

    def _treat(self, pod: Object) -> None:
        node = pod["spec"].get("nodeName")
        with self._lock:
            if node not in self._nodes or node in self._lost:
                return
            refusals = list(self._refusals)
        if "deletionTimestamp" in pod["metadata"]:
            uid = pod["metadata"]["uid"]
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
            with suppress(ApiError):  # another pod has its name by now
                self._api.delete(pod_path(pod), options)
            return
        if pod["status"].get("phase") != "Pending":
            return
        refused = next((r.waiting for r in refusals if r.matches(pod)), None)
        why = refused or self._obstacle(pod)
        if why is None:
            self._write_status(pod, running_status(pod))
        elif _waits(pod) != why:
            self._write_status(pod, waiting_status(pod, why))

    def _obstacle(self, pod: Object) -> Waiting | None:
        namespace = pod["metadata"]["namespace"]

        def lookup(plural: str, name: str) -> Object | None:
            return self._api.find(f"/api/v1/namespaces/{namespace}/{plural}/{name}")

        return mount_error(pod, lookup) or config_error(pod, lookup)

    def _write_status(self, pod: Object, status: Object) -> None:
        # The uid guards against a pod of the same name that came after.
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        try:
            self._api.merge(pod_path(pod, "/status"), body)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _tick(self) -> None:
        """Every second: try again what failed; every ten, say that the nodes are there."""
        renewed = time.monotonic()
        while not self._stop.wait(1.0):
            with self._lock:
                failed, self._failed = self._failed, set()
                pods = [self._pods[uid] for uid in failed & self._pods.keys()]
                here = self._nodes.keys() - self._lost
            for pod in pods:
                self._reconcile(pod)
            if time.monotonic() - renewed >= LEASE_SECONDS:
                renewed = time.monotonic()
                for name in here:
                    with suppress(*AWAY):
                        renew_lease(self._api, name)


def _waits(pod: Object) -> Waiting | None:
    for one in pod["status"].get("containerStatuses", []):
        if waiting := one.get("state", {}).get("waiting"):
            return Waiting(waiting["reason"], waiting.get("message", ""))
    return None
