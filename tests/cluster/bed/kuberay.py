"""The real KubeRay operator as a process, and its CRDs."""

import os
from pathlib import Path

import urllib3
import yaml

from tests.cluster.bed.api import Api, Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import Process, free_ports, start, wait_until
from tools.kube.build import find

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NEEDED = ("rayclusters", "rayjobs", "rayservices")
"""The operator watches these three; its cron jobs are behind a feature gate."""


def install_crds(api: Api) -> None:
    """Create KubeRay's CRDs and wait until they are served.

    Without v1alpha1, which nobody asks for and which doubles their cost: of 8 seconds of CPU and
    280 MB in the API server half.
    """
    definitions: list[Object] = []
    for name in NEEDED:
        file = find("kuberay") / "crds" / f"ray.io_{name}.yaml"
        definition = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        spec = definition["spec"]
        spec["versions"] = [one for one in spec["versions"] if one["name"] == "v1"]
        definitions.append(definition)
    install(api, definitions)


def install(api: Api, definitions: list[Object]) -> None:
    """Create or change CRDs and wait until they are served."""
    names = [definition["metadata"]["name"] for definition in definitions]
    for name, definition in zip(names, definitions, strict=True):
        api.apply(f"{CRDS}/{name}", definition)

    def established() -> bool:
        return all(_is_true(api.get(f"{CRDS}/{name}"), "Established") for name in names)

    wait_until(established, f"CRDs {', '.join(names)}", seconds=120)
    # Established means that this API server will serve them soon; listing proves it.
    for definition in definitions:
        spec = definition["spec"]
        version, plural = spec["versions"][0]["name"], spec["names"]["plural"]
        path = f"/apis/{spec['group']}/{version}/{plural}"
        wait_until(lambda path=path: api.find(path), f"{path} is served")


def _is_true(thing: Object, condition: str) -> bool:
    found = thing.get("status", {}).get("conditions") or []
    return any(one["type"] == condition and one["status"] == "True" for one in found)


class KubeRay:
    """The running operator."""

    def __init__(self, cluster: ControlPlane, proxy: str) -> None:
        """Install the CRDs and start the operator.

        Args:
            cluster: Where it works.
            proxy: URL of the stand-in for the Ray dashboards, over which it reaches them.
        """
        self._kubeconfig = cluster.kubeconfig("kuberay")
        self._log = cluster.folder / "kuberay.log"
        self._proxy = proxy
        install_crds(cluster.admin)
        cluster.restart_controllers()
        self.process = self._start()

    def start(self) -> None:
        """Start it again after `stop`."""
        self.process = self._start()

    def stop(self) -> None:
        """SIGKILL it: what it was about to do is not done."""
        self.process.kill()

    def _start(self) -> Process:
        metrics, probes = free_ports(2)
        # Its dashboard client takes the proxy; its Kubernetes client does not: that is https,
        # and on loopback, which Go never proxies.
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.lower() not in ("https_proxy", "all_proxy", "no_proxy")
        } | {"HTTP_PROXY": self._proxy, "http_proxy": self._proxy}
        process = start(
            "kuberay-operator",
            [
                Path(find("kuberay")) / "kuberay-operator",
                f"--kubeconfig={self._kubeconfig}",
                f"--metrics-addr=127.0.0.1:{metrics}",
                f"--health-probe-bind-address=127.0.0.1:{probes}",
                "--enable-leader-election=false",
                "--reconcile-concurrency=4",
                "--qps=200",
                "--burst=400",
            ],
            self._log,
            environment=environment,
        )
        pool = urllib3.PoolManager(retries=False, timeout=2)

        def ready() -> bool:
            try:
                return pool.request("GET", f"http://127.0.0.1:{probes}/readyz").status == 200
            except urllib3.exceptions.HTTPError:
                return False

        wait_until(ready, "KubeRay", process)
        return process
