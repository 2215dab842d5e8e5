"""A real node on this machine: containerd, kubelet and kube-proxy in namespaces of their own.

kube-router enforces NetworkPolicies; it routes nothing and is no proxy.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.bed.api import Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import Process, start, wait_until
from tests.e2e.bed import cgroups, network, node_settings
from tests.e2e.bed.network import SERVICES, Addresses
from tests.e2e.bed.node_settings import CONTAINERD_SOCKET, KUBELET_ROOT
from tools.kube import policies
from tools.kube.build import binary

INIT = Path(__file__).with_name("node_init.sh")
RUN_SECONDS = 30


class Node:
    """A node and its daemons; `stop` ends them and every pod, at once.

    Attributes:
        name: Of the node, and its label `pool`.
        folder: Logs (`<daemon>.log`, `log/pods`) and settings.
        addresses: Its own and its pods'.
    """

    def __init__(self, cluster: ControlPlane, number: int, name: str, images: Path) -> None:
        """Start nothing yet.

        Args:
            cluster: The control plane, at `network.HERE`.
            number: From 1.
            name: Of the node.
            images: What containerd is to begin with (`images.copy`).
        """
        self._cluster, self.name, self.addresses = cluster, name, Addresses(number)
        self.folder = cluster.folder / f"node-{name}"
        self._group = f"lingraft-{name}"
        self._images = images
        self._init: Process | None = None
        self._daemons: dict[str, Process] = {}

    @property
    def processes(self) -> list[Process]:
        """Its daemons, for measuring."""
        return list(self._daemons.values())

    def start(self, pause: str) -> None:
        """Make the namespaces, and start the daemons in them; see `ready`.

        Args:
            pause: Name of the image of every pod's first process.
        """
        self.folder.mkdir()
        cgroups.make(self._group)
        kubeconfig = self._cluster.kubeconfig("kubelet")
        node_settings.write(
            self.folder, self.name, self.addresses, kubeconfig, f"/{self._group}", pause
        )
        unshare = "unshare --net --mount --pid --uts --mount-proc --fork --kill-child=KILL --"
        unshare = unshare.split()
        self._init = start(
            f"{self.name} init",
            [*unshare, INIT, self.name, self.folder, self._images],
            self.folder / "init.log",
        )
        wait_until((self.folder / "initialized").exists, "a node's namespaces", self._init)
        network.join(self.addresses, self._init.popen.pid)
        for command in (
            f"ip address add {self.addresses.node}/24 dev eth0",
            "ip link set lo up",
            "ip link set eth0 up",
            f"ip route add default via {self.addresses.gateway}",
            "sysctl --quiet net.ipv4.ip_forward=1",
        ):
            self.run(command.split())
        settings = self.folder / "containerd.toml"
        containerd = self._start("containerd", ["containerd", f"--config={settings}"])
        socket = Path(f"/proc/{self._init.popen.pid}/root{CONTAINERD_SOCKET}")
        wait_until(socket.exists, "containerd", containerd)
        self._start("kube-proxy", [binary("kube-proxy"), f"--config={self.folder}/kube-proxy.yaml"])
        self._start(
            "kubelet",
            [
                binary("kubelet"),
                f"--config={self.folder}/kubelet.yaml",
                f"--kubeconfig={kubeconfig}",
                f"--root-dir={KUBELET_ROOT}",
                f"--hostname-override={self.name}",
                f"--node-ip={self.addresses.node}",
                f"--node-labels=pool={self.name}",
            ],
        )

    def ready(self) -> bool:
        """Whether the API server has it as Ready."""
        found = self._cluster.admin.find(f"/api/v1/nodes/{self.name}") or {}
        conditions: list[Object] = found.get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def enforce_policies(self, kubeconfig: Path) -> None:
        """Start the firewall; the node must be known to the API server. See `enforcing`.

        Args:
            kubeconfig: Of kube-router.
        """
        self._start(
            "kube-router",
            [
                policies.PROGRAM.find(),
                f"--kubeconfig={kubeconfig}",
                f"--hostname-override={self.name}",
                f"--service-cluster-ip-range={SERVICES}",
                "--run-firewall=true",
                "--run-router=false",
                "--run-service-proxy=false",
                "--enable-cni=false",
                "--health-port=0",
            ],
        )

    def enforcing(self) -> bool:
        """Whether every packet that the node forwards passes the firewall."""
        return "-j KUBE-ROUTER-FORWARD" in self.run(["iptables", "--list-rules", "FORWARD"])

    def stop(self) -> None:
        """SIGKILL everything; containers, mounts and the network go with it."""
        if self._init is not None:
            self._init.kill()
        for daemon in self._daemons.values():
            daemon.kill()
        self._init = None
        self._daemons.clear()
        cgroups.remove(self._group)
        for folder in (self.folder / "kubelet", self._images):
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, command: Sequence[str | Path]) -> str:
        """What a command prints that runs on the node.

        Raises:
            RuntimeError: It failed.
        """
        line = [*self._enter(), *map(str, command)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=RUN_SECONDS)
        if done.returncode:
            raise RuntimeError(f"{self.name}: `{' '.join(line)}` failed: {done.stderr}")
        return done.stdout

    def _enter(self) -> list[str]:
        """Before a command: into the node's namespaces."""
        if self._init is None:
            raise RuntimeError(f"node {self.name} is not running")
        space = f"/proc/{self._init.popen.pid}/ns"
        kinds = {"net": "net", "mount": "mnt", "uts": "uts", "pid": "pid_for_children"}
        return ["nsenter", *(f"--{kind}={space}/{file}" for kind, file in kinds.items()), "--"]

    def _start(self, name: str, command: Sequence[str | Path]) -> Process:
        log = self.folder / f"{name}.log"
        self._daemons[name] = start(f"{self.name} {name}", [*self._enter(), *command], log)
        return self._daemons[name]
