"""The bed's network: this namespace in the middle, a veth pair to each node.

    this namespace (API server, CoreDNS, the tests)  10.77.0.1
        10.77.1.1 -- 10.77.1.2  node small, pods 10.88.1.0/24
        10.77.2.1 -- 10.77.2.2  node large, pods 10.88.2.0/24
    Services 10.96.0.0/12, reached from here through the first node's kube-proxy

It is the namespace that tools/loopback.sh made: it routes between the nodes, and has no way out.
"""

import ipaddress
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = "10.77.0.1"
PODS = "10.88.0.0/16"
SERVICES = "10.96.0.0/12"


@dataclass(frozen=True)
class Addresses:
    """Of the node with this number, from 1."""

    number: int

    @property
    def gateway(self) -> str:
        """Our end of the pair."""
        return f"10.77.{self.number}.1"

    @property
    def node(self) -> str:
        """The node's end."""
        return f"10.77.{self.number}.2"

    @property
    def pods(self) -> str:
        """Its pods' addresses."""
        return str(list(ipaddress.ip_network(PODS).subnets(new_prefix=24))[self.number])


def alone() -> bool:
    """Whether this network namespace is one of our own, which has nothing but loopback."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def ip(*arguments: str) -> None:
    """Run iproute2's `ip`.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`ip {' '.join(arguments)}` failed: {done.stderr}")


def set_up() -> None:
    """Give this namespace its address and let it route."""
    ip("address", "replace", f"{HERE}/32", "dev", "lo")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def join(addresses: Addresses, pid: int) -> None:
    """Join the network namespace of a process to this one; the pair goes when that does.

    Args:
        addresses: The node's.
        pid: The process.
    """
    device = f"node{addresses.number}"
    ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    ip("address", "add", f"{addresses.gateway}/24", "dev", device)
    ip("link", "set", device, "up")
    ip("route", "add", addresses.pods, "via", addresses.node)
    if addresses.number == 1:
        ip("route", "add", SERVICES, "via", addresses.node)
