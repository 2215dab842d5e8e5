"""kopf's entry points: each notes what it was told and puts a key on the queue.

Nothing is decided here; from an event to a RayJob the way goes on in `queue.py`,
`reconcile.py` and `rayjob.py`. The index handlers run for everything there is before the
first event handler does, so that no decision is made on half a picture.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from lingraft_operator import names
from lingraft_operator.cache import Cache, is_going, key_of
from lingraft_operator.names import MANAGED_BY, OPERATOR
from lingraft_operator.queue import Queue
from lingraft_operator.slots import Slots
from lingraft_operator.world import Key, RayJob

RESOURCES = ("lingraft.dev", "v1alpha1", "languageadaptations")
RAYJOBS = ("ray.io", "v1", "rayjobs")
PODS = ("", "v1", "pods")
OURS = f"{MANAGED_BY}={OPERATOR}"
FINAL_PHASES = ("Ready", "Stalled", "Suspended")

Body = Mapping[str, Any]
Asked = tuple[str, int, str, str]


def register(registry: kopf.OperatorRegistry, cache: Cache, queue: Queue, slots: Slots) -> None:
    """Add the handlers to a registry."""
    asked: dict[Key, Asked] = {}

    @kopf.index(*RESOURCES, registry=registry)
    async def resources(body: Body, **_: Any) -> None:
        if not is_going(body):
            cache.put_resource(body)

    @kopf.index(*RAYJOBS, registry=registry)
    async def rayjobs(body: Body, **_: Any) -> None:
        changed(*cache.put_rayjob(body))

    @kopf.index(*PODS, registry=registry)
    async def pods(body: Body, **_: Any) -> None:
        if cache.put_pod(body):
            wake_owners_of_pod(body)

    @kopf.on.event(*RESOURCES, registry=registry)
    async def resource_event(type: str | None, body: Body, **_: Any) -> None:
        queue.open()
        key = key_of(body)
        if type == "DELETED" or is_going(body):
            asked.pop(key, None)
            cache.drop_resource(key)
            queue.add(key)
        elif asked.get(key) != (now := what_is_asked(body)):
            first, asked[key] = key not in asked, now
            if not (first and is_settled(body)):
                queue.add(key)

    @kopf.on.event(*RAYJOBS, registry=registry)
    async def rayjob_event(type: str | None, body: Body, **_: Any) -> None:
        if type == "DELETED":
            gone = cache.drop_rayjob(key_of(body), body["metadata"]["uid"])
            if gone is not None:
                wake_owners(gone)
                wake_waiting()

    @kopf.on.event(*PODS, registry=registry)
    async def pod_event(type: str | None, body: Body, **_: Any) -> None:
        if type == "DELETED":
            cache.drop_pod(body)
            wake_owners_of_pod(body)

    def changed(before: RayJob | None, after: RayJob) -> None:
        """Wake the owners of a RayJob whose state moved; who its owners are moves nothing."""
        if before is None or _state(before) != _state(after):
            wake_owners(after)
            if after.finished:
                wake_waiting()

    def wake_owners(rayjob: RayJob) -> None:
        for owner in rayjob.owners:
            queue.add((rayjob.namespace, owner["name"]))

    def wake_owners_of_pod(body: Body) -> None:
        namespace = body["metadata"]["namespace"]
        labels: Mapping[str, str] = body["metadata"].get("labels") or {}
        # A retry waits for the last pod of a RayJob that is gone already.
        for name in cache.owner_names((namespace, labels.get(names.RAYJOB, ""))):
            queue.add((namespace, name))

    def wake_waiting() -> None:
        for key in slots.next_in_line():
            queue.add(key)


def _state(rayjob: RayJob) -> tuple[object, ...]:
    return (
        rayjob.uid, rayjob.deployment_status, rayjob.job_status,
        rayjob.suspended, rayjob.deleting, rayjob.dashboard_url, rayjob.message,
    )  # fmt: skip


def what_is_asked(body: Body) -> Asked:
    """What a user can change: our own writes to the status leave it as it is."""
    metadata = body["metadata"]
    notes: Mapping[str, str] = metadata.get("annotations") or {}
    retry, refresh = notes.get(names.RETRY, ""), notes.get(names.REFRESH, "")
    return metadata["uid"], metadata["generation"], retry, refresh


def is_settled(body: Body) -> bool:
    """Whether all that is asked was done before this operator started."""
    status: Body = body.get("status") or {}
    _, generation, retry, refresh = what_is_asked(body)
    pinned: Body = status.get("plan") or {}
    return (
        status.get("phase") in FINAL_PHASES
        and status.get("observedGeneration") == generation
        and status.get("retry", "") == retry
        and pinned.get("refresh", "") == refresh
    )
