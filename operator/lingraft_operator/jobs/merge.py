"""Strategic merge: lists of objects are merged by the keys that Kubernetes gives them.

API: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from collections.abc import Mapping
from typing import Any, cast

from lingraft_operator.names import CONTAINERS
from lingraft_operator.podtemplate import PodTemplate

Object = dict[str, Any]
KEYS = {
    "containers": "name",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""`patchMergeKey` of a PodSpec's lists; those that are not named are replaced whole."""
WHOLE = {"env"}
"""Lists whose elements are replaced whole: a variable has a value or a source, never both."""


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    """An object with another one merged into it; what is null there is taken out."""
    found = dict(base)
    for field, value in patch.items():
        if value is None:
            found.pop(field, None)
        else:
            found[field] = _value(field, found.get(field), value)
    return found


def _value(field: str, base: object, patch: object) -> object:
    if isinstance(patch, dict):
        given: Object = cast(Object, base) if isinstance(base, dict) else {}
        return merged(given, cast(Object, patch))
    if isinstance(patch, list) and field in KEYS:
        return _by_key(field, cast(list[Object], base or []), cast(list[Object], patch))
    return cast(object, patch)


def _by_key(field: str, base: list[Object], patch: list[Object]) -> list[Object]:
    """What is there stays where it is; what is new comes behind it."""
    key, found = KEYS[field], list(base)
    for one in patch:
        places = [i for i, other in enumerate(found) if other.get(key) == one.get(key)]
        if not places:
            found.append(merged({}, one))
        elif field in WHOLE:
            found[places[0]] = merged({}, one)
        else:
            found[places[0]] = merged(found[places[0]], one)
    return found


def with_template(pod: Mapping[str, Any], template: PodTemplate | None) -> Object:
    """A pod's template with the chart's merged into it.

    Args:
        pod: Ours; its first container is Ray's.
        template: The chart's: of Ray's containers only the one that is there is meant.
    """
    if template is None:
        return dict(pod)
    patch = template.model_dump(by_alias=True, exclude_unset=True)
    ours = pod["spec"]["containers"][0]["name"]
    if (listed := patch.get("spec", {}).get("containers")) is not None:
        others = [name for name in CONTAINERS if name != ours]
        patch["spec"]["containers"] = [one for one in listed if one.get("name") not in others]
    return merged(pod, patch)
