"""Our operator as a process of its own, under the chart's RBAC."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import urllib3

from lingraft_operator.start.addresses import url_of
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import Applied, apply_chart
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import Process, free_ports, start, wait_until

IMAGE = {"repository": "registry.example/lingraft-trainer", "tag": "test"}
POOL = {"workers": 0, "cpu": "1", "memory": "2Gi"}


def chart_values(s3_endpoint: str) -> Object:
    """Values for the bed: everything in S3 is allowed, stages run in the head pod."""
    return {
        "image": {"trainer": IMAGE},
        "access": [{"namespace": "*", "prefixes": ["s3://lingraft/"]}],
        "s3": {"endpoint": s3_endpoint, "region": "us-east-1"},
        "pools": {
            "small": POOL | {"nodeSelector": {"pool": "small"}},
            "large": POOL | {"nodeSelector": {"pool": "large"}},
        },
        "pollSeconds": 2,
        "graceSeconds": 4,
    }


PASSED = ("PATH", "HOME", "PYTHONPATH")
"""Of the environment: the operator of this working tree, not the one that is installed."""


class Operator:
    """The operator; it may be killed, stopped and started again.

    Attributes:
        applied: The chart as it was applied.
        process: The running process.
        log: Its lines of JSON, of all starts.
        since: When it was last started.
        host: Where it listens.
    """

    host = "127.0.0.1"

    def __init__(
        self, cluster: ControlPlane, values: Object, s3: Mapping[str, str], name: str = "operator"
    ) -> None:
        """Start nothing yet.

        Args:
            cluster: The control plane.
            values: Of the chart.
            s3: The AWS environment of the operator's own identity.
            name: Tells two operators apart.
        """
        self.cluster, self.name, self._s3 = cluster, name, s3
        self.applied: Applied = apply_chart(cluster, values)
        # The release's config.yaml is the latest operator's; a restart must find its own.
        self._config = self.applied.config.read_text()
        self.log: Path = cluster.folder / f"{name}.log"
        self.process: Process | None = None
        self.since = datetime.now(UTC)
        self.health = self.metrics_port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it is alive."""
        self.health, self.metrics_port = free_ports(2)
        self.applied.config.write_text(self._config)
        environment = {
            **{name: os.environ[name] for name in PASSED if name in os.environ},
            **self.applied.environment,
            **self._s3,
            "KUBECONFIG": str(self.applied.kubeconfig),
            "LINGRAFT_CONFIG": str(self.applied.config),
            "LINGRAFT_STATE": str(self.cluster.folder / f"{self.name}-state"),
            "LINGRAFT_LISTEN_HOST": self.host,
            "LINGRAFT_HEALTH_PORT": str(self.health),
            "LINGRAFT_METRICS_PORT": str(self.metrics_port),
        }
        command = [sys.executable, "-m", "lingraft_operator"]
        self.since = datetime.now(UTC)
        self.process = start(self.name, command, self.log, environment=environment)
        if wait:
            wait_until(lambda: self.alive(), "the operator is alive", self.process)

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.alive

    def alive(self) -> bool:
        """Whether its liveness probe succeeds."""
        try:
            url = url_of(self.host, self.health, "/healthz")
            return urllib3.request("GET", url, retries=False, timeout=10).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> int | None:
        """SIGTERM, as a rollout does; its exit code, None if it had to be killed."""
        if self.process is None:
            return None
        self.process.stop(30)
        code = self.process.popen.returncode
        return code if code != -signal.SIGKILL else None

    def metrics(self) -> dict[str, float]:
        """Its Prometheus metrics, by name with labels."""
        url = url_of(self.host, self.metrics_port, "/metrics")
        text = urllib3.request("GET", url, retries=False, timeout=10).data.decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; every line must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]
