"""Who reaches whom by NetworkPolicies, reckoned: no enforcer runs in these tests.

The rules are Kubernetes': https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """One end of a connection.

    Attributes:
        namespace: Its namespace, which has the label that Kubernetes gives it and no other.
        labels: Its own.
        ports: Names of its ports.
        address: Of an end that is no pod; labels are not looked at then.
    """

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    address: str = ""


def reaches(
    policies: Sequence[Policy], source: Pod, target: Pod, port: int, protocol: str = "TCP"
) -> bool:
    """Whether the source may open a connection: both ends must allow it."""
    return _allows(policies, "Egress", source, target, target, port, protocol) and _allows(
        policies, "Ingress", target, source, target, port, protocol
    )


def _allows(
    policies: Sequence[Policy],
    direction: str,
    own: Pod,
    other: Pod,
    target: Pod,
    port: int,
    protocol: str,
) -> bool:
    chosen = [
        policy
        for policy in policies
        if not own.address
        and policy["metadata"]["namespace"] == own.namespace
        and selects(policy["spec"]["podSelector"], own.labels)
        and direction in policy["spec"]["policyTypes"]
    ]
    if not chosen:
        return True
    side = {"Egress": "to", "Ingress": "from"}[direction]
    return any(
        _peers(rule.get(side), policy["metadata"]["namespace"], other)
        and _ports(rule.get("ports"), target, port, protocol)
        for policy in chosen
        for rule in policy["spec"].get(direction.lower()) or ()
    )


def _peers(peers: Sequence[Mapping[str, Any]] | None, namespace: str, other: Pod) -> bool:
    return not peers or any(_peer(peer, namespace, other) for peer in peers)


def _peer(peer: Mapping[str, Any], namespace: str, other: Pod) -> bool:
    if block := peer.get("ipBlock"):
        if not other.address or not _within(other.address, block["cidr"]):
            return False
        return not any(_within(other.address, one) for one in block.get("except", ()))
    if other.address:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        in_namespace = selects(peer["namespaceSelector"], labels)
    else:
        in_namespace = other.namespace == namespace
    return in_namespace and selects(peer.get("podSelector", {}), other.labels)


def _within(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


def _ports(
    ports: Sequence[Mapping[str, Any]] | None, target: Pod, port: int, protocol: str
) -> bool:
    return not ports or any(
        one.get("protocol", "TCP") == protocol
        and target.ports.get(one["port"], one["port"]) == port
        for one in ports
    )


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector, of the kinds that we use, chooses what has these labels."""
    known = {"matchLabels", "matchExpressions"}
    assert selector.keys() <= known
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items()) and all(
        _expression(one, labels) for one in selector.get("matchExpressions", ())
    )


def _expression(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert one["operator"] == "Exists"
    return one["key"] in labels
