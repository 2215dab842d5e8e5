"""Read the world for one decision: RayJobs and pods from the cache, the rest from the store.

RayJobs come first: a trainer writes its manifest before its RayJob ends, so a RayJob that is
seen to have ended without one really has none.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from lingraft.errors import LingraftError
from lingraft.plan import Plan
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import read_manifest
from lingraft_operator.bounded import Bounded
from lingraft_operator.cache import Cache
from lingraft_operator.cluster import Cluster
from lingraft_operator.config import Config
from lingraft_operator.done import gone_of, is_done, is_due
from lingraft_operator.names import rayjob_name
from lingraft_operator.objects import is_going
from lingraft_operator.seen import Seen
from lingraft_operator.sightings import Sightings, utc_now
from lingraft_operator.slots import Slots
from lingraft_operator.stuck import Stuck
from lingraft_operator.world import Key, Observed, RayJob, Resource

KEPT_MANIFESTS = 2000
MANIFEST_SECONDS = 300
"""How long a manifest is taken for granted: somebody may clean the store."""

T = TypeVar("T")


class Observer:
    """Reads what decisions rest on."""

    def __init__(self, cache: Cache, cluster: Cluster, slots: Slots, config: Config) -> None:
        self._cache, self._cluster, self._slots, self._config = cache, cluster, slots, config
        self._lock = threading.Lock()
        self._sightings = Sightings()
        self._stuck = Stuck(cache, cluster)
        self._looked_at: dict[Key, datetime] = {}
        self._stores: dict[str, ArtifactStore] = {}
        self._manifests = Bounded[tuple[str, str], tuple[Manifest, float]](KEPT_MANIFESTS)

    def rayjobs(
        self, resource: Resource, plan: Plan | None, credentials_secret: str | None
    ) -> dict[str, RayJob]:
        """The RayJobs of the plan's stages, and whatever else the resource owns."""
        found = {rayjob.name: rayjob for rayjob in self._cache.owned(resource.uid)}
        latest = [a for stage in resource.status.stages for a in stage.attempts[-1:]]
        uids = {a.ray_job: a.uid for a in latest if a.ended_at is None}
        for planned in plan.stages if plan is not None else ():
            name = rayjob_name(planned.stage, plan.store, credentials_secret) if plan else ""
            key = (resource.namespace, name)
            known = self._cache.rayjob(key)
            old = known is not None and known[1] > self._config.poll_seconds
            if old and known is not None and (known[0].deleting or not known[0].finished):
                known = self.look_up(key)  # a watch that broke may have missed its end
            elif name in uids and (known is None or known[0].uid != uids[name]):
                known = self.look_up(key)  # before it is given up: the watch may be behind
            if known is not None:
                found[name] = known[0]
            else:
                found.pop(name, None)
        return found

    def look_again(self, resource: Resource) -> None:
        """It changed or went while it was judged; a watch that broke may never say so."""
        body = self._cluster.get_resource(resource.key)
        if body is not None and not is_going(body):
            self._cache.put_resource(body, answer=True)
        else:
            self._cache.drop_resource(resource.key, resource.uid)

    def look_up(self, key: tuple[str, str]) -> tuple[RayJob, float] | None:
        """Ask the API server for a RayJob, and remember the answer."""
        body = self._cluster.get_rayjob(key)
        if body is not None:
            self._cache.put_rayjob(body)
        elif (known := self._cache.rayjob(key)) is not None:
            self._cache.drop_rayjob(key, known[0].uid)
        return self._cache.rayjob(key)

    def observe(
        self, resource: Resource, plan: Plan | None, credentials_secret: str | None
    ) -> Observed:
        """Everything about a resource; without a plan only its RayJobs.

        Raises:
            LingraftError: The store cannot be read.
        """
        rayjobs = self.rayjobs(resource, plan, credentials_secret)
        if is_done(resource, rayjobs.values()):
            gone = self._look_at_artifacts(resource, plan) if plan is not None else None
            return Observed(rayjobs=rayjobs, done=True, gone=gone)
        if plan is None:
            return Observed(rayjobs=rayjobs)
        store = self._store(plan.store)
        seen = Seen(store, self._sightings)
        statuses = {(s.name, s.digest): s for s in resource.status.stages}
        manifests: dict[str, Manifest] = {}
        done: set[str] = set()
        for planned in plan.stages:
            ref = planned.stage.ref
            # A stage is done after its inputs: below the first gap there is nothing to ask for.
            if not done.issuperset(planned.needs):
                continue
            manifest = self._manifest(store, ref)
            if manifest is not None:
                manifests[ref] = manifest
                done.add(planned.name)
                continue
            rayjob = rayjobs.get(rayjob_name(planned.stage, plan.store, credentials_secret))
            status = statuses.get((planned.name, planned.stage.digest))
            last = status.attempts[-1] if status is not None and status.attempts else None
            unjudged = last.holder if last is not None and last.ended_at is None else None
            seen.stage(planned, rayjob, unjudged)
        holders, namespace = self._holders(resource, rayjobs), resource.namespace
        return Observed(
            rayjobs=rayjobs,
            manifests=manifests,
            leases=seen.leases,
            held_until=seen.held_until,
            progress=seen.progress,
            failures=seen.failures,
            checkpoints=seen.checkpoints,
            signs=_of_each(holders, lambda one: self._sightings.signs((namespace, one))),
            troubles=_of_each(holders, lambda one: self._cache.trouble((namespace, one)))
            | self._stuck.troubles(rayjobs.values()),
            disruptions=_of_each(holders, lambda one: self._cache.disruption((namespace, one))),
            lingering=frozenset(one for one in holders if self._cache.lingers((namespace, one))),
            slots=self._slots.free(resource.key, resource.created_at),
        )

    def forget(self, key: Key) -> None:
        """A resource is gone."""
        with self._lock:
            self._looked_at.pop(key, None)

    def _look_at_artifacts(self, resource: Resource, plan: Plan) -> tuple[str, ...] | None:
        """What is gone; None where it is too early, or the store is away: that says nothing."""
        now = utc_now()
        with self._lock:
            due = is_due(resource, self._looked_at.get(resource.key), now)
            if due:
                self._looked_at[resource.key] = now
        if not due:
            return None
        try:
            store = self._store(plan.store)
            gone = gone_of(store, plan)
        except LingraftError:
            return None
        with self._lock:
            for ref in gone:
                self._manifests.pop((store.uri, ref), None)
        return gone

    def _holders(self, resource: Resource, rayjobs: dict[str, RayJob]) -> set[str]:
        attempts = (a.holder for stage in resource.status.stages for a in stage.attempts)
        return {*attempts, *(rayjob.holder for rayjob in rayjobs.values())}

    def _store(self, uri: str) -> ArtifactStore:
        with self._lock:
            known = self._stores.get(uri)
        if known is None:
            known = open_store(uri)
            with self._lock:
                self._stores[uri] = known
        return known

    def _manifest(self, store: ArtifactStore, ref: str) -> Manifest | None:
        """A stage's manifest: what is there stays, what is not is asked for each time."""
        key, now = (store.uri, ref), time.monotonic()
        with self._lock:
            known = self._manifests.get(key)
        if known is not None and now - known[1] < MANIFEST_SECONDS:
            return known[0]
        manifest = read_manifest(store, ref)
        with self._lock:
            self._manifests.pop(key, None)
            if manifest is not None:
                self._manifests[key] = (manifest, now)
        return manifest


def _of_each(holders: set[str], look: Callable[[str], T | None]) -> dict[str, T]:
    """What there is of each holder, where there is something."""
    found = {holder: look(holder) for holder in holders}
    return {holder: one for holder, one in found.items() if one is not None}
