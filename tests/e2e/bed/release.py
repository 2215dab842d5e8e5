"""Our chart on the bed, installed and upgraded by the real helm, with the images under test.

Its network policies are on, so every test that runs an adaptation runs it under them.
"""

import json
import subprocess
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.bed.adaptations import SECRET, write_secret
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import NAMESPACE, RELEASE
from tests.e2e.bed.bed import S3_INSIDE, Bed
from tests.e2e.bed.network import HERE
from tools.chart import CHART
from tools.kube.build import binary

HELM_SECONDS = 120
TENANT, MONITORING = "models", "monitoring"
"""Namespaces: of LanguageAdaptations, and of who may scrape."""
# Requests, too, are small: two nodes of this size are one machine. One stage at a time in a pool.
_POOL = {
    "workers": 1,
    "cpu": "500m",
    "memory": "3Gi",
    "scratchSize": "2Gi",
    "head": {"scratchSize": "2Gi"},
}
_ENVIRONMENT = {
    # So that there is a checkpoint to resume from within seconds.
    "LINGRAFT_CHECKPOINT_SECONDS": "2",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A drained node's workers go on for so long; a head does so even when all is done.
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "10",
    "RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S": "1",
    # A head that does not start in a minute ends, and takes a second one to start: on a busy
    # machine for ever.
    "RAY_raylet_start_wait_time_s": "300",
}


class Release:
    """The installed chart."""

    def __init__(self, bed: Bed, operator: str, trainer: str) -> None:
        """Install it and wait until the operator is ready.

        Args:
            bed: The cluster.
            operator: The operator's image, `repository:tag`.
            trainer: The trainer's image.
        """
        self.bed, self.revision = bed, 0
        self.values = _values(operator, trainer)
        self.values["networkPolicy"] = _network_policy(bed)
        for name in (NAMESPACE, TENANT):
            bed.cluster.namespace(name)
        write_secret(bed.api, NAMESPACE, bed.s3.environment)
        self.upgrade()

    def upgrade(self, **values: Any) -> None:
        """`helm upgrade --install` with changed values; returns when the new operator is ready."""
        self.values |= values
        self._helm("upgrade", "--install", RELEASE, str(CHART), "--values=-")
        self.revision += 1
        self.bed.wait_available(NAMESPACE, RELEASE)

    def test(self, seconds: float) -> str:
        """`helm test`, and what its pod wrote.

        Raises:
            RuntimeError: It failed.
        """
        return self._helm("test", RELEASE, "--logs", f"--timeout={seconds:.0f}s", seconds=seconds)

    def log(self) -> str:
        """What the operator has written since it started."""
        return self.bed.cluster.kubectl("logs", f"deployment/{RELEASE}", f"--namespace={NAMESPACE}")

    def _helm(self, *arguments: str, seconds: float = HELM_SECONDS) -> str:
        options = [f"--namespace={NAMESPACE}", f"--kubeconfig={self.bed.cluster.kubeconfig()}"]
        done = subprocess.run(
            [str(binary("helm")), *arguments, *options],
            input=json.dumps(self.values),
            capture_output=True,
            text=True,
            timeout=seconds + 10,
        )
        if done.returncode:
            raise RuntimeError(f"helm failed: {done.stderr}{done.stdout}")
        return done.stdout


def _values(operator: str, trainer: str) -> Object:
    def image(name: str) -> Object:
        repository, _, tag = name.rpartition(":")
        return {"repository": repository, "tag": tag}

    def pool(name: str) -> Object:
        environment = [{"name": key, "value": value} for key, value in _ENVIRONMENT.items()]
        chosen = {"nodeSelector": {"pool": name}, "maxConcurrentStages": 1}
        return _POOL | chosen | {"env": environment}

    return {
        "image": {
            "operator": image(operator),
            "trainer": image(trainer),
            "pullPolicy": "Never",
        },
        "access": [{"namespace": TENANT, "prefixes": ["s3://lingraft/"]}],
        "s3": {"endpoint": S3_INSIDE, "region": "us-east-1"},
        "pools": {"small": pool("small"), "large": pool("large")},
        "operator": {"credentialsSecret": SECRET},
        "pollSeconds": 2,
    }


def _network_policy(bed: Bed) -> Object:
    """Who is who on the bed: DNS and the API server are processes at one address."""

    def pods(where: str) -> Object:
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": where}}}

    def egress(to: Object, port: int | None, *protocols: str) -> list[Object]:
        ports = [{"protocol": protocol, "port": port} for protocol in protocols]
        return [{"to": [to], "ports": ports}]

    here = {"ipBlock": {"cidr": f"{HERE}/32"}}
    return {
        "enabled": True,
        "rayNamespaces": [TENANT],
        "dns": egress(here, 53, "UDP", "TCP"),
        "apiServer": egress(here, urlsplit(bed.cluster.server).port, "TCP"),
        "s3": egress(pods("storage"), 8333, "TCP"),
        "dashboardFrom": [pods("kuberay")],
        "metricsFrom": [pods(MONITORING)],
    }
