"""What Kubernetes' objects mean here: resources, RayJobs and pods as they come from the API."""

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lingraft.status.reading import read_status
from lingraft_operator import names
from lingraft_operator.status.texts import json_bytes
from lingraft_operator.world import Key, RayJob, Resource

KEPT = (names.RETRY, names.REFRESH, names.ROLLBACK, names.RELEASE)
"""Annotations that are read."""

LARGE_STAGES = 50


def key_of(body: Mapping[str, Any]) -> Key:
    """Namespace and name of an object."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


def is_going(body: Mapping[str, Any]) -> bool:
    """Whether it is being deleted, and waits for others: nothing is done for it any more."""
    return body["metadata"].get("deletionTimestamp") is not None


def holder_of(body: Mapping[str, Any]) -> Key:
    """Namespace and holder of a pod."""
    labels: Mapping[str, str] = body["metadata"].get("labels") or {}
    return body["metadata"]["namespace"], labels.get(names.HOLDER, "")


def is_large(body: Mapping[str, Any]) -> bool:
    """Whether a resource has, or will have, so many stages that a pass takes long."""
    spec: Mapping[str, Any] = body.get("spec") or {}
    status: Mapping[str, Any] = body.get("status") or {}
    wanted = sum(int(task.get("seeds") or 1) for task in spec.get("tasks") or ())
    return max(wanted, len(status.get("stages") or ())) > LARGE_STAGES


def pack(body: Mapping[str, Any]) -> bytes:
    """The parts of a resource that matter here."""
    metadata = body["metadata"]
    fields = ("namespace", "name", "uid", "generation", "resourceVersion", "creationTimestamp")
    notes: Mapping[str, str] = metadata.get("annotations") or {}
    kept: dict[str, Any] = {
        "metadata": {field: metadata[field] for field in fields}
        | {"annotations": {k: notes[k] for k in KEPT if k in notes}},
        "spec": dict(body.get("spec") or {}),
        "status": dict(body.get("status") or {}),
        "otherBytes": json_bytes({k: v for k, v in body.items() if k != "status"}),
    }
    return zlib.compress(json.dumps(kept).encode(), level=1)


def unpack(packed: bytes) -> Resource:
    """A resource, from what `pack` kept."""
    body: Mapping[str, Any] = json.loads(zlib.decompress(packed))
    metadata = body["metadata"]
    return Resource(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        resource_version=metadata["resourceVersion"],
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=body["spec"],
        status=read_status(body["status"]),
        retry=metadata["annotations"].get(names.RETRY, ""),
        refresh=metadata["annotations"].get(names.REFRESH, ""),
        rollback=metadata["annotations"].get(names.ROLLBACK, ""),
        release=metadata["annotations"].get(names.RELEASE, ""),
        other_bytes=body["otherBytes"],
    )


def _refusal(status: Mapping[str, Any]) -> str:
    """Why KubeRay could not make the pods: a quota, an admission rule; then none is to be seen."""
    cluster: Mapping[str, Any] = status.get("rayClusterStatus") or {}
    conditions: Iterable[Mapping[str, Any]] = cluster.get("conditions") or ()
    for one in conditions:
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            return str(one.get("message") or one.get("reason") or "")
    return ""


def _tokens(notes: Mapping[str, str]) -> int:
    """Anybody may have edited it."""
    text = notes.get(names.MICRO_BATCH_TOKENS, "")
    return max(1, int(text)) if text.isdecimal() and len(text) < 20 else 1


def _size(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Workers, and their devices together: what Ray was told of them."""
    cluster: Mapping[str, Any] = spec.get("rayClusterSpec") or {}
    alone: Mapping[str, Any] = {"replicas": 1, **(cluster.get("headGroupSpec") or {})}
    groups: Iterable[Mapping[str, Any]] = cluster.get("workerGroupSpecs") or [alone]
    workers = devices = 0
    for group in groups:
        offers: Mapping[str, Any] = group.get("rayStartParams") or {}
        each = max(_count(offers.get("num-gpus")) or _count(offers.get("num-cpus")), 1)
        replicas = _count(group.get("replicas"))
        workers, devices = workers + replicas, devices + replicas * each
    return max(workers, 1), max(devices, 1)


def _count(text: object) -> int:
    """A small number; 0 for what is none: anybody may have edited it."""
    digits = str(text)
    return int(digits) if digits.isdecimal() and len(digits) < 7 else 0


def rayjob_of(body: Mapping[str, Any]) -> RayJob:
    """A RayJob of ours, from the object."""
    metadata = body["metadata"]
    status: Mapping[str, Any] = body.get("status") or {}
    spec: Mapping[str, Any] = body.get("spec") or {}
    notes: Mapping[str, str] = metadata.get("annotations") or {}
    labels: Mapping[str, str] = metadata.get("labels") or {}
    owners: Iterable[Mapping[str, Any]] = metadata.get("ownerReferences") or ()
    url = status.get("dashboardURL")
    started, ended = status.get("startTime"), status.get("endTime")
    workers, devices = _size(spec)
    return RayJob(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        stage=notes.get(names.STAGE, ""),
        holder=notes.get(names.HOLDER, ""),
        pool="large" if labels.get(names.POOL) == "large" else "small",
        micro_batch_tokens=_tokens(notes),
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        workers=workers,
        devices=devices,
        owners=tuple(dict(owner) for owner in owners),
        deleting=metadata.get("deletionTimestamp") is not None,
        suspended=bool(spec.get("suspend")),
        deployment_status=status.get("jobDeploymentStatus", ""),
        job_status=status.get("jobStatus", ""),
        reason=status.get("reason", ""),
        message=status.get("message") or _refusal(status),
        refused=bool(_refusal(status)),
        running_since=datetime.now(UTC) if status.get("jobStatus") == "RUNNING" else None,
        started_at=datetime.fromisoformat(started) if started else None,
        ended_at=datetime.fromisoformat(ended) if ended else None,
        dashboard_url=f"http://{url}" if url else None,
    )
