"""The stand-in kubelet's nodes: labels, capacity, and a Lease that says they are alive."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.cluster.bed.api import Api, ApiError
from tests.cluster.bed.pods import now

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
LEASE_SECONDS = 10.0


CAPACITY = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "20Ti", "pods": "500"}


@dataclass(frozen=True)
class Node:
    """A node that does not exist."""

    name: str
    labels: dict[str, str]
    capacity: dict[str, str] = field(default_factory=lambda: dict(CAPACITY))


NODE_POOLS = (
    Node("small-1", {"pool": "small"}),
    Node("small-2", {"pool": "small"}),
    Node("large-1", {"pool": "large"}, CAPACITY | {"nvidia.com/gpu": "8"}),
)


def register(api: Api, node: Node) -> None:
    """Make a node that pods can be bound to at once."""
    labels = node.labels | {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    body: Any = {"metadata": {"name": node.name, "labels": labels}}
    with suppress(ApiError):  # from an earlier run of this bed
        api.create(NODES, body)
    figures = {"capacity": node.capacity, "allocatable": node.capacity}
    api.merge(f"{NODES}/{node.name}/status", {"status": figures})
    set_ready(api, node.name, "True", "KubeletReady")
    renew_lease(api, node.name)
    # Put there on creation; its controller would take some seconds to see that it is ready.
    api.merge(f"{NODES}/{node.name}", {"spec": {"taints": None}})


def set_ready(api: Api, name: str, status: str, reason: str) -> None:
    """Write a node's Ready condition: True, False or Unknown."""
    condition = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "lastHeartbeatTime": now(),
        "lastTransitionTime": now(),
    }
    api.merge(f"{NODES}/{name}/status", {"status": {"conditions": [condition]}})


def renew_lease(api: Api, name: str) -> None:
    """Say that a node is alive."""
    spec = {
        "holderIdentity": name,
        "leaseDurationSeconds": 40,
        "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": spec,
    }
    api.apply(f"{LEASES}/{name}", body, manager="kubelet")
