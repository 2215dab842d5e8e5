"""What the chart's templates may not take from RayJobs: looked at when the operator starts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from lingraft.errors import UserError
from lingraft_operator import names
from lingraft_operator.config import Config, PoolConfig
from lingraft_operator.jobs.merge import with_template
from lingraft_operator.jobs.podspec import Pods, size_of
from lingraft_operator.jobs.restricted import faults
from lingraft_operator.metrics import POOLS
from lingraft_operator.podtemplate import OURS, PINNED

Object = Mapping[str, Any]
SIZES = ("cpu", "memory", "ephemeral-storage")
DIRECTIVES = re.compile(r"^\$(patch|retainKeys|setElementOrder|deleteFromPrimitiveList)")


def check_pods(config: Config) -> None:
    """Refuse settings with which pods would not be what the operator relies on.

    Raises:
        UserError: The first such setting, in one sentence.
    """
    for fault in _of_metadata(config.ray_job_metadata.model_dump(), "rayJobMetadata"):
        raise UserError(fault, where="rayJobMetadata")
    for name in POOLS:
        pool = config.pools[name]
        if pool.pod_template is None:
            continue
        field = f"pools.{name}.podTemplate"
        for fault in _of_metadata(pool.pod_template.metadata.model_dump(), "metadata"):
            raise UserError(fault, where=field)
        for container in names.CONTAINERS:
            for fault in _of_pod(container, pool, config):
                raise UserError(fault, where=field)


def _of_metadata(metadata: Object, place: str) -> Iterator[str]:
    for kind in ("labels", "annotations"):
        for key in metadata[kind]:
            if re.match(OURS, key):
                yield f"{place}.{kind} has {key}, which is not the chart's to set: leave it out"


def _of_pod(container: str, pool: PoolConfig, config: Config) -> Iterator[str]:
    size = size_of(pool)
    pods = Pods(
        pool=pool, image="image", credentials_secret="secret", labels={}, config=config, patch=None
    )
    ours = pods.template(container, size)
    theirs = with_template(ours, pool.pod_template)
    yield from _directives(pool.pod_template.model_dump() if pool.pod_template else {})
    before, after = ours["spec"]["containers"][0], theirs["spec"]["containers"][0]
    for field in PINNED:
        if before.get(field) != after.get(field):
            yield f"containers: {field} of {container} is not the chart's to set: leave it out"
    for kind in ("requests", "limits"):
        for resource in (*SIZES, size.gpu_resource):
            given: Object = after["resources"].get(kind) or {}
            if before["resources"][kind].get(resource) != given.get(resource):
                yield f"containers: {resource} of {container} is said in the pool: leave it out"
    for field, key, of in (
        ("env", "name", (before, after)),
        ("volumeMounts", "mountPath", (before, after)),
        ("volumes", "name", (ours["spec"], theirs["spec"])),
    ):
        known = {one[key]: one for one in of[1].get(field) or ()}
        chosen = {one.name for one in pool.env or ()} if field == "env" else set[str]()
        for one in of[0][field]:
            if one[key] not in chosen and known.get(one[key]) != one:
                yield f"{field}: {one[key]} is the operator's own: give yours another {key}"
    if any(one not in (after.get("envFrom") or ()) for one in before["envFrom"]):
        yield f"envFrom of {container} would take the credentials' place: name variables in env"
    if any(str(key).startswith("LINGRAFT_") for key in _names(after) - _names(before)):
        yield "env: LINGRAFT_... is the operator's own: give yours another name"
    for fault in faults(theirs) if pool.restricted else ():
        yield f"its pods would not be restricted ({fault}): change it, or set restricted to false"


def _names(container: Object) -> set[str]:
    return {one["name"] for one in container.get("env") or ()}


def _directives(value: Any) -> Iterator[str]:
    """Words of a patch that are taken for no field here."""
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            if DIRECTIVES.match(key):
                yield f"{key} is not known here: null takes a field out"
            yield from _directives(inner)
    for one in cast(list[Any], value) if isinstance(value, list) else ():
        yield from _directives(one)
