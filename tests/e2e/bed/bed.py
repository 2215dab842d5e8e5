"""A whole cluster on this machine: control plane, two real nodes, DNS, KubeRay and S3 in pods.

NetworkPolicies are enforced.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.cluster.bed.adaptations import write_secret
from tests.cluster.bed.api import Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.kuberay import install_crds
from tests.cluster.bed.processes import Process, wait_until
from tests.e2e.bed import images, network
from tests.e2e.bed.archives import name_of
from tests.e2e.bed.dns import start_dns
from tests.e2e.bed.node import Node
from tests.integration.seaweed import Seaweed
from tools.kube.build import binary

MANIFESTS = Path(__file__).with_name("manifests")
# As pods and as the tests know it; manifests/storage.yaml.
S3_INSIDE, S3_OUTSIDE = "http://s3.storage.svc.cluster.local:8333", "http://10.96.0.50:8333"
S3_METRICS = "http://10.96.0.50:9327"


class Bed:
    """The cluster; `stop` ends it all.

    Attributes:
        cluster: The control plane.
        api: Its admin's client.
        nodes: `small` and `large`; so is their label `pool`.
        s3: The store as the tests reach it.
        seconds: How long each part took to come up.
    """

    def __init__(self, archives: Mapping[str, Path]) -> None:
        """Start everything.

        Args:
            archives: Images to have on the nodes, beside the bed's own: name to archive.

        Raises:
            RuntimeError: Something did not come up; the end of its log is in the message.
            Missing: A binary is not there.
        """
        self.seconds: dict[str, float] = {}
        self.cluster = ControlPlane(network.HERE)
        self.api = self.cluster.admin
        self.nodes: dict[str, Node] = {}
        programs = {
            "pause": binary("pause"),
            "kuberay": binary("kuberay-operator"),
            "seaweedfs": Path(sys.executable).with_name("weed"),
        }
        self._images = {name: name_of(program) for name, program in programs.items()}
        self.s3 = Seaweed(S3_OUTSIDE, self.cluster.folder)
        self._dns: Process | None = None
        network.set_up()
        try:
            by_image = {self._images[name]: program for name, program in programs.items()}
            self._timed("images", lambda: images.provide(by_image, archives))
            self._timed("control plane", self.cluster.start)
            self._timed("nodes", self._start_nodes)
            self._timed("services", self._start_services)
        except BaseException:
            self.stop(keep=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def stop(self, *, keep: bool = False) -> None:
        """End everything; the folder with the logs goes too unless it is to be kept."""
        with ExitStack() as closing:  # goes on after one that fails
            closing.callback(self.cluster.stop, keep=keep)
            if self._dns is not None:
                closing.callback(self._dns.kill)
            for node in self.nodes.values():
                closing.callback(node.stop)

    @property
    def processes(self) -> list[Process]:
        """All daemons, for measuring."""
        daemons = [process for node in self.nodes.values() for process in node.processes]
        return [*self.cluster.processes, *daemons, *([self._dns] if self._dns else [])]

    def wait_available(self, namespace: str, deployment: str, seconds: float = 90) -> None:
        """Wait until a Deployment's newest pods are ready, and no others are there."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"

        def available() -> bool:
            found = self.api.get(path)
            status: Object = found.get("status", {})
            wanted = found["spec"]["replicas"]
            return status.get("observedGeneration") == found["metadata"]["generation"] and all(
                status.get(field) == wanted
                for field in ("replicas", "updatedReplicas", "availableReplicas")
            )

        try:
            wait_until(available, f"{deployment} is available", seconds=seconds)
        except RuntimeError as error:
            where = f"--namespace={namespace}"
            seen = self.cluster.kubectl("describe", "pods", where)
            logs = self.cluster.kubectl("logs", f"deployment/{deployment}", where)
            raise RuntimeError(f"{error}\n{seen[-2000:]}\n{logs[-2000:]}") from error

    def _start_nodes(self) -> None:
        self._dns = start_dns(self.cluster)
        for number, name in enumerate(("small", "large"), start=1):
            node = self.nodes[name] = Node(self.cluster, number, name, images.copy(name))
            node.start(self._images["pause"])
        for node in self.nodes.values():
            wait_until(node.ready, f"{node.name} is Ready", *node.processes, seconds=90)
        self._apply("policies")
        kubeconfig = self.cluster.service_account_kubeconfig("kube-system", "kube-router")
        for node in self.nodes.values():
            node.enforce_policies(kubeconfig)
        for node in self.nodes.values():
            wait_until(node.enforcing, f"{node.name} is a firewall", *node.processes)

    def _start_services(self) -> None:
        install_crds(self.api)
        self.cluster.restart_controllers()
        self.cluster.namespace("storage")
        write_secret(self.api, "storage", self.s3.environment)
        self._apply("storage")
        self._apply("kuberay")
        self.wait_available("storage", "seaweedfs")
        # Its port answers before the bucket is there.
        logs = ("logs", "deployment/seaweedfs", "--namespace=storage")
        wait_until(lambda: "S3 Endpoint:" in self.cluster.kubectl(*logs), "the bucket")
        self.wait_available("kuberay", "kuberay-operator")

    def _apply(self, manifest: str) -> None:
        text = (MANIFESTS / f"{manifest}.yaml").read_text()
        for name, image in self._images.items():
            text = text.replace(f"image: {name.upper()}_IMAGE", f"image: {image}")
        self.cluster.kubectl("apply", "--filename=-", stdin=text)

    def _timed(self, what: str, act: Callable[[], None]) -> None:
        started = time.monotonic()
        act()
        self.seconds[what] = round(time.monotonic() - started, 1)
