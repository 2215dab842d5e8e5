"""Read the world for one decision: RayJobs and pods from the cache, the rest from the store.

RayJobs come first: a trainer writes its manifest before its RayJob ends, so a RayJob that is
seen to have ended without one really has none.
"""

import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime

from lingraft.plan import Plan, PlannedStage
from lingraft.stage import Failure, Manifest, Progress
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.lease import Lease, LeaseRecord
from lingraft.store.stages import StageStore, read_manifest
from lingraft_operator.cache import Cache
from lingraft_operator.cluster import Cluster
from lingraft_operator.config import Config
from lingraft_operator.names import rayjob_name
from lingraft_operator.objects import is_going
from lingraft_operator.pods import gravest
from lingraft_operator.slots import Slots
from lingraft_operator.stuck import is_late, trouble_of_events
from lingraft_operator.world import Observed, PodTrouble, RayJob, Resource

KEPT_MANIFESTS = 2000
ASKED_PODS = 3
"""Of one RayJob: what keeps one of them keeps the others too."""
MANIFEST_SECONDS = 300
"""How long a manifest is taken for granted: somebody may clean the store."""


class Observer:
    """Reads what decisions rest on."""

    def __init__(self, cache: Cache, cluster: Cluster, slots: Slots, config: Config) -> None:
        self._cache, self._cluster, self._slots, self._config = cache, cluster, slots, config
        self._lock = threading.Lock()
        self._stores: dict[str, ArtifactStore] = {}
        self._manifests: OrderedDict[tuple[str, str], tuple[Manifest, float]] = OrderedDict()

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
        if plan is None:
            return Observed(rayjobs=rayjobs)
        store = self._store(plan.store)
        seen = _Seen(store)
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
        holders = self._holders(resource, rayjobs)
        return Observed(
            rayjobs=rayjobs,
            manifests=manifests,
            leases=seen.leases,
            progress=seen.progress,
            failures=seen.failures,
            checkpoints=seen.checkpoints,
            troubles=self._troubles(resource.namespace, holders) | self._stuck(rayjobs),
            lingering=frozenset(
                one for one in holders if self._cache.lingers((resource.namespace, one))
            ),
            slots=self._slots.free(resource.key, resource.created_at),
        )

    def _holders(self, resource: Resource, rayjobs: dict[str, RayJob]) -> set[str]:
        attempts = (a.holder for stage in resource.status.stages for a in stage.attempts)
        return {*attempts, *(rayjob.holder for rayjob in rayjobs.values())}

    def _troubles(self, namespace: str, holders: set[str]) -> dict[str, PodTrouble]:
        found = {holder: self._cache.trouble((namespace, holder)) for holder in holders}
        return {holder: trouble for holder, trouble in found.items() if trouble is not None}

    def _stuck(self, rayjobs: dict[str, RayJob]) -> dict[str, PodTrouble]:
        """What Events say of those that should have started, and whose pods say nothing."""
        found: dict[str, PodTrouble] = {}
        for rayjob in rayjobs.values():
            holder = (rayjob.namespace, rayjob.holder)
            if is_late(rayjob, self._cache.trouble(holder), datetime.now(UTC)):
                uids = [rayjob.uid, *self._cache.pods_of(holder)[:ASKED_PODS]]
                told = (self._cluster.events_of(rayjob.namespace, uid) for uid in uids)
                troubles = [trouble for one in told if (trouble := trouble_of_events(one))]
                if (worst := gravest(troubles)) is not None:
                    found[rayjob.holder] = worst
        return found

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
                while len(self._manifests) > KEPT_MANIFESTS:
                    self._manifests.popitem(last=False)
        return manifest


class _Seen:
    """What the store says of stages that are not done."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self.leases: dict[str, LeaseRecord] = {}
        self.progress: dict[str, Progress] = {}
        self.failures: dict[str, Failure] = {}
        self.checkpoints: dict[str, int] = {}

    def stage(self, planned: PlannedStage, rayjob: RayJob | None, unjudged: str | None) -> None:
        """Look at one stage.

        Args:
            planned: The stage; its inputs are there.
            rayjob: The one of that name.
            unjudged: The holder of an attempt whose end has not been judged.
        """
        at_work = rayjob.holder if rayjob is not None and not rayjob.finished else None
        if rayjob is None or rayjob.finished or rayjob.running:
            lease = Lease(self._store, planned.stage, "").read()
            if lease is not None:
                self.leases[planned.stage.ref] = lease[0]
        if rayjob is not None and rayjob.running:
            stages = StageStore(self._store, planned.stage, rayjob.holder)
            progress = stages.read_progress(rayjob.holder)
            if progress is not None:
                self.progress[rayjob.holder] = progress
        ended = {unjudged} if unjudged and unjudged != at_work else set[str]()
        if rayjob is not None and (rayjob.finished or (rayjob.running and not self._held(rayjob))):
            ended.add(rayjob.holder)
        self._last_words(planned, ended)

    def _held(self, rayjob: RayJob) -> bool:
        """Whether its trainer is at work, as far as the lease tells."""
        lease = self.leases.get(rayjob.stage)
        return lease is not None and lease.holder == rayjob.holder and not lease.released

    def _last_words(self, planned: PlannedStage, holders: set[str]) -> None:
        for holder in holders:
            stages = StageStore(self._store, planned.stage, holder)
            failure = stages.read_failure(holder)
            if failure is not None:
                self.failures[holder] = failure
            newest = next((c for c in stages.checkpoints() if c.holder == holder), None)
            if newest is not None:
                self.checkpoints[holder] = newest.step
