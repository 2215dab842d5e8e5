"""Why a RayJob or a pod that has a node does not start: only Events say so.

API: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lingraft_operator.bounded import Bounded
from lingraft_operator.cluster import Cluster
from lingraft_operator.observation.pods import gravest
from lingraft_operator.observation.sightings import utc_now
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.podcache import REMEMBERED
from lingraft_operator.world import Key, PodTrouble, RayJob, Told

REASONS = {
    # The kubelet's: a ConfigMap or volume that is missing, a network without addresses.
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "FailedMapVolume",
    "FailedMount",
    "NetworkNotReady",
    # KubeRay's: an admission rule, a quota, a ServiceAccount that is missing.
    "FailedToCreateHeadPod",
    "FailedToCreateRayCluster",
    "FailedToCreateWorkerPod",
}
PATIENCE = timedelta(seconds=60)
"""What starts at once says nothing worth asking for."""
ASKED_PODS = 3
"""Of one RayJob: what keeps one of them keeps the others too."""


def trouble_of_events(events: Iterable[Mapping[str, Any]]) -> Told | None:
    """What one object's Events say, if the newest of them is of a start that failed.

    A later one, of an image that is pulled, say, tells that it went on.
    """
    newest = max(events, key=lambda one: int(one["metadata"]["resourceVersion"]), default=None)
    if newest is None or newest.get("type") != "Warning" or newest.get("reason") not in REASONS:
        return None
    about: Mapping[str, Any] = newest.get("regarding") or {}
    words = f"{about.get('kind', '')} {about.get('name', '')}: {newest.get('note', '')}"
    return Told("unready", str(newest["reason"]), words)


class Stuck:
    """RayJobs that should have started, and whose pods do not say why they have not."""

    def __init__(self, cache: Cache, cluster: Cluster) -> None:
        self._cache, self._cluster = cache, cluster
        self._lock = threading.Lock()
        self._waits = Bounded[Key, datetime](REMEMBERED)
        """Since when we have seen each wait; by namespace and holder."""
        self._told = Bounded[Key, PodTrouble](REMEMBERED)

    def troubles(self, rayjobs: Iterable[RayJob]) -> dict[str, PodTrouble]:
        """What Events say of each that is late, by holder."""
        found = {one.holder: self._trouble(one) for one in rayjobs if self._is_late(one)}
        return {holder: trouble for holder, trouble in found.items() if trouble is not None}

    def _is_late(self, rayjob: RayJob) -> bool:
        holder = (rayjob.namespace, rayjob.holder)
        over = rayjob.finished or rayjob.running or rayjob.suspended or rayjob.deleting
        known = rayjob.refused or self._cache.trouble(holder) is not None
        with self._lock:
            if over or known:
                self._waits.pop(holder, None)
                return False
            now = utc_now()
            return self._waits.setdefault(holder, now) + PATIENCE <= now

    def _trouble(self, rayjob: RayJob) -> PodTrouble | None:
        holder = (rayjob.namespace, rayjob.holder)
        uids = [rayjob.uid, *self._cache.pods_of(holder)[:ASKED_PODS]]
        events = (self._cluster.events_of(rayjob.namespace, uid) for uid in uids)
        worst = gravest(told for one in events if (told := trouble_of_events(one)) is not None)
        with self._lock:
            former = self._told.pop(holder, None)
            if worst is None:
                return None
            self._told[holder] = worst.seen(former, utc_now())
            return self._told[holder]
