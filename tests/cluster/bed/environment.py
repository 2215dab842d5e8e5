"""The environment that a container of a pod gets, as the kubelet builds it."""

import base64
import re
from collections.abc import Callable

from tests.cluster.bed.api import Object

Lookup = Callable[[str, str], Object | None]
"""(plural, name) to the Secret or ConfigMap of the pod's namespace, or None."""


def container_environment(pod: Object, lookup: Lookup) -> dict[str, str]:
    """The variables of the pod's first container: the Ray container of a Ray pod.

    Raises:
        KeyError: A Secret, a ConfigMap or a key that must be there is not; such a container
            does not start.
    """
    container = pod["spec"]["containers"][0]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        prefix = source.get("prefix", "")
        for field, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if reference := source.get(field):
                data = _data(lookup, plural, reference) or {}
                found |= {prefix + key: value for key, value in data.items()}
    for variable in container.get("env", []):
        value = _value(variable, pod, container, lookup)
        if value is not None:
            found[variable["name"]] = _expanded(value, found)
    return found


def _value(variable: Object, pod: Object, container: Object, lookup: Lookup) -> str | None:
    source = variable.get("valueFrom")
    if source is None:
        return variable.get("value", "")
    for field, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if reference := source.get(field):
            data = _data(lookup, plural, reference)
            if data is None or (reference.get("optional") and reference["key"] not in data):
                return None
            return data[reference["key"]]
    if reference := source.get("fieldRef"):
        return _field(pod, reference["fieldPath"])
    reference = source["resourceFieldRef"]
    kind, _, name = reference["resource"].partition(".")
    return str(container.get("resources", {}).get(kind, {}).get(name, ""))


def _field(pod: Object, path: str) -> str:
    """One of the pod's own fields, such as metadata.name or metadata.labels['ray.io/cluster']."""
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return pod["metadata"].get(match[1], {}).get(match[2], "")
    value = pod
    for part in path.split("."):
        value = value.get(part, {})
    return str(value or "")


def _data(lookup: Lookup, plural: str, reference: Object) -> dict[str, str] | None:
    found = lookup(plural, reference["name"])
    if found is None:
        if reference.get("optional"):
            return None
        raise KeyError(f"{plural}/{reference['name']}")
    data = found.get("data", {})
    if plural == "configmaps":
        return data
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _expanded(value: str, known: dict[str, str]) -> str:
    """`$(NAME)` stands for an earlier variable, and `$$` for a dollar sign."""
    return re.sub(
        r"\$\$|\$\(([A-Za-z0-9_.-]+)\)",
        lambda match: "$" if match[1] is None else known.get(match[1], match[0]),
        value,
    )
