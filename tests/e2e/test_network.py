"""The chart's network policies, enforced: who reaches whom, tried from pods on both nodes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from lingraft_operator.names import MANAGED_BY, OPERATOR, RAYJOB
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import NAMESPACE as SYSTEM
from tests.cluster.bed.chart import RELEASE, ensure_namespace
from tests.cluster.bed.processes import wait_until
from tests.e2e.bed.bed import Bed
from tests.e2e.bed.release import MONITORING, TENANT, Release
from tests.e2e.reach import API_SERVER, S3, reached

RAY = {MANAGED_BY: OPERATOR, RAYJOB: "reach"}
PORTS = (6379, 8080, 8265)
_SERVE = f"""
import socketserver, threading
for port in {PORTS}:
    server = socketserver.TCPServer(("", port), socketserver.BaseRequestHandler)
    threading.Thread(target=server.serve_forever).start()
"""


@dataclass(frozen=True)
class Role:
    """A pod that stands for others; it listens on `PORTS`.

    Attributes:
        namespace: Its own.
        node: Where it runs.
        labels: Its own.
    """

    namespace: str
    node: str
    labels: Object


ROLES = {
    "head": Role(TENANT, "small", RAY),
    "worker": Role(TENANT, "large", RAY),
    "web": Role(TENANT, "large", {}),
    "kuberay": Role("kuberay", "small", {}),
    "prometheus": Role(MONITORING, "large", {}),
    "stranger": Role("strangers", "small", RAY),
}
SERVICES = {"api": API_SERVER, "s3": S3}
TARGETS = {
    "head:6379",
    "head:8080",  # metrics
    "head:8265",  # dashboard
    "worker:6379",
    "web:8080",
    "operator:8080",  # health
    "operator:9090",  # metrics
    *SERVICES,
}
OPEN = {"web:8080", *SERVICES}
"""To every pod that has no policy."""
REACHES = {
    "head": {"head:6379", "head:8080", "head:8265", "worker:6379", "s3"},
    "worker": {"head:6379", "head:8080", "head:8265", "worker:6379", "s3"},
    "web": OPEN,
    "kuberay": {"head:8265", *OPEN},
    "prometheus": {"head:8080", "operator:9090", *OPEN},
    "stranger": OPEN,
    "operator": {"operator:8080", "operator:9090", *SERVICES},
}


@pytest.fixture(scope="module")
def addresses(bed: Bed, release: Release) -> Iterator[dict[str, str]]:
    """Of every role and the operator."""
    for name, role in ROLES.items():
        ensure_namespace(bed.cluster, role.namespace)
        image = ":".join(release.values["image"]["operator"].values())
        bed.api.create(_pods(role.namespace), _pod(name, role, image))
    paths = [_path(name) for name in ROLES]
    wait_until(lambda: all(_ready(bed.api.get(path)) for path in paths), "all are ready")
    found = {name: bed.api.get(_path(name))["status"]["podIP"] for name in ROLES}
    (operator,) = (
        pod
        for pod in bed.api.list(_pods(SYSTEM))
        if _ready(pod) and "deletionTimestamp" not in pod["metadata"]
    )
    yield found | {"operator": operator["status"]["podIP"]}
    for path in paths:
        bed.api.delete(path)
    wait_until(lambda: not any(map(bed.api.find, paths)), "all are gone")


@pytest.mark.parametrize("source", REACHES)
def test_who_reaches_whom(bed: Bed, addresses: dict[str, str], source: str) -> None:
    def at(target: str) -> str:
        host, _, port = target.partition(":")
        return SERVICES.get(target) or f"{addresses[host]}:{port}"

    known = {at(target): target for target in TARGETS}
    where = (SYSTEM, f"deployment/{RELEASE}")
    if source in ROLES:
        where = (ROLES[source].namespace, source)

    def seen() -> set[str]:
        return {known[target] for target in reached(bed, *where, known)}

    with suppress(RuntimeError):  # the nodes learn of new pods a little late
        wait_until(lambda: seen() == REACHES[source], "policies are in force")
    assert seen() == REACHES[source]


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _path(name: str) -> str:
    return f"{_pods(ROLES[name].namespace)}/{name}"


def _pod(name: str, role: Role, image: str) -> Object:
    container = {
        "name": "reach",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python", "-c", _SERVE],
        # It comes from the pod's own node, which no policy shuts out.
        "readinessProbe": {"tcpSocket": {"port": PORTS[0]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    return {
        "metadata": {"name": name, "labels": role.labels},
        "spec": {
            "nodeSelector": {"pool": role.node},
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


def _ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
