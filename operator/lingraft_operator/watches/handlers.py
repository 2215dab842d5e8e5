"""kopf's entry points: each notes what it was told and puts a key on the queue.

Nothing is decided here; from an event to a RayJob the way goes on in `queue.py`, which hands
the key to a pass of `worker.py`, `reconcile.py` and `rayjob.py`. All there is gets listed
before the watches start and the queue opens, so that no decision is made on half a picture.
(kopf's indices would do the same, but hold every object in memory until the last one is there,
and take time that grows with the square of their number.)
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import kopf

from lingraft_operator import names
from lingraft_operator.cluster import Cluster
from lingraft_operator.decision.done import first_look
from lingraft_operator.decision.refresh import LONGEST_ASKED
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.names import OURS
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.objects import is_going, key_of
from lingraft_operator.watches.queue import Queue, seconds_until
from lingraft_operator.world import Key, RayJob

RESOURCES = ("lingraft.dev", "v1alpha1", "languageadaptations")
RAYJOBS = ("ray.io", "v1", "rayjobs")
PODS = ("", "v1", "pods")
SETTLED_PHASES = ("Ready", "Suspended")

Body = Mapping[str, Any]
Asked = tuple[str, int, str, str, str]


def register(registry: kopf.OperatorRegistry, handlers: "Handlers") -> None:
    """Let kopf tell the handlers what it is told."""
    for kind, handler in (
        (RESOURCES, handlers.resource),
        (RAYJOBS, handlers.rayjob),
        (PODS, handlers.pod),
    ):

        @kopf.on.event(*kind, registry=registry)
        async def on_event(event: Any, handler: Any = handler, **_: Any) -> None:
            handler(event["type"], event["object"])


class Handlers:
    """What is done about events: ADDED, MODIFIED, DELETED, or None for what was listed."""

    def __init__(self, cache: Cache, queue: Queue, slots: Slots) -> None:
        self._cache, self._queue, self._slots = cache, queue, slots
        self._asked: dict[Key, tuple[Asked, str]] = {}

    def start(self, cluster: Cluster, namespaces: Sequence[str]) -> None:
        """Take in all there is, in these namespaces or in all, and open the queue."""
        for pod in cluster.list_all(PODS, namespaces, OURS):
            self._cache.put_pod(pod)
        for body in cluster.list_all(RAYJOBS, namespaces, OURS):
            _, rayjob = self._cache.put_rayjob(body)
            if not rayjob.finished:  # it may be left over by a resource that is settled
                self._wake_owners(rayjob)
        for body in cluster.list_all(RESOURCES, namespaces):
            self.resource(None, body)
        self._queue.open()

    def resource(self, type: str | None, body: Body) -> None:
        """A LanguageAdaptation: wakes itself, if more than its status changed."""
        key = key_of(body)
        if type == "DELETED" or is_going(body):
            if self._cache.drop_resource(key, body["metadata"]["uid"]):
                self._asked.pop(key, None)
                self._queue.add(key)
            return
        self._cache.put_resource(body)
        notes: Mapping[str, str] = body["metadata"].get("annotations") or {}
        now = what_is_asked(body), notes.get(names.RELEASE, "")
        if self._asked.get(key) != now:
            first, self._asked[key] = key not in self._asked, now
            if not (first and is_settled(body)):
                self._queue.add(key)
                return
            if is_finished(body):
                self._queue.add(key, first_look(body["metadata"]["uid"]))
            if (due := next_refresh(body)) is not None:
                self._queue.add(key, seconds_until(due) or 0.0)

    def rayjob(self, type: str | None, body: Body) -> None:
        """A RayJob: wakes its owners, if its state moved; who its owners are moves nothing."""
        if type == "DELETED":
            gone = self._cache.drop_rayjob(key_of(body), body["metadata"]["uid"])
            if gone is not None:
                self._wake_owners(gone)
                self._wake_waiting()
            return
        before, after = self._cache.put_rayjob(body)
        if before is None or _state(before) != _state(after):
            self._wake_owners(after)
            if after.finished or after.held_back:
                self._wake_waiting()

    def pod(self, type: str | None, body: Body) -> None:
        """A pod: wakes the owners of its RayJob, if it is in trouble or gone."""
        if type == "DELETED":
            self._cache.drop_pod(body)
        elif not self._cache.put_pod(body):
            return
        namespace = body["metadata"]["namespace"]
        labels: Mapping[str, str] = body["metadata"].get("labels") or {}
        # A retry waits for the last pod of a RayJob that is gone already.
        for name in self._cache.owner_names((namespace, labels.get(names.RAYJOB, ""))):
            self._queue.add((namespace, name))

    def _wake_owners(self, rayjob: RayJob) -> None:
        for owner in rayjob.owners:
            self._queue.add((rayjob.namespace, owner["name"]))

    def _wake_waiting(self) -> None:
        for key in self._slots.next_in_line():
            self._queue.add(key)


def _state(rayjob: RayJob) -> tuple[object, ...]:
    return (
        rayjob.uid, rayjob.deployment_status, rayjob.job_status,
        rayjob.suspended, rayjob.deleting, rayjob.dashboard_url, rayjob.message,
    )  # fmt: skip


def what_is_asked(body: Body) -> Asked:
    """What a user can change: our own writes to the status leave it as it is."""
    metadata = body["metadata"]
    notes: Mapping[str, str] = metadata.get("annotations") or {}
    retry, refresh, back = (
        notes.get(one, "") for one in (names.RETRY, names.REFRESH, names.ROLLBACK)
    )
    return metadata["uid"], metadata["generation"], retry, refresh, back


def is_finished(body: Body) -> bool:
    """Whether there are artifacts, which are looked at now and then."""
    status: Body = body.get("status") or {}
    stages: Sequence[Body] = status.get("stages") or ()
    return bool(stages) and all(stage.get("state") == "Done" for stage in stages)


def is_settled(body: Body) -> bool:
    """Whether all that is asked was done before this operator started.

    Stalled never is: what it waited for may have come while no operator looked.
    """
    status: Body = body.get("status") or {}
    ready = status.get("phase") != "Ready" or is_finished(body)  # else it is being refreshed
    return status.get("phase") in SETTLED_PHASES and ready and is_obeyed(body)


def next_refresh(body: Body) -> datetime | None:
    """When sources are to be looked up anew, by the schedule or after that failed."""
    status: Body = body.get("status") or {}
    known: Body = status.get("refresh") or {}
    times = [known.get("nextScheduleTime"), known.get("retryTime")]
    return min((datetime.fromisoformat(one) for one in times if one), default=None)


def is_obeyed(body: Body) -> bool:
    """Whether the status is about what is asked now."""
    status: Body = body.get("status") or {}
    _, generation, retry, refresh, back = what_is_asked(body)
    pinned: Body = status.get("plan") or {}
    published: Body = status.get("published") or {}
    return (
        status.get("observedGeneration") == generation
        and status.get("retry", "") == retry
        and pinned.get("refresh", "") == refresh
        and published.get("asked", "") == back[:LONGEST_ASKED]
    )
