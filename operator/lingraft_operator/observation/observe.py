"""Read the world for one decision: RayJobs and pods from the cache, the rest from the store.

RayJobs come first: a trainer writes its manifest before its RayJob ends, so a RayJob that is
seen to have ended without one really has none.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime, timedelta
from typing import TypeVar

from lingraft.errors import LingraftError
from lingraft.plan import Plan, PlannedStage
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft_operator.bounded import Bounded
from lingraft_operator.cluster import Cluster
from lingraft_operator.config import Config
from lingraft_operator.decision.done import gone_of, is_done, is_due, named_refs
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.names import rayjob_name
from lingraft_operator.observation.asking import Asking
from lingraft_operator.observation.looks import Look, Looks, Place, stands, state_of
from lingraft_operator.observation.readers import Readers
from lingraft_operator.observation.seen import Eyes
from lingraft_operator.observation.sightings import Sightings, utc_now
from lingraft_operator.observation.stuck import Stuck
from lingraft_operator.watches.cache import Cache
from lingraft_operator.world import Key, Observed, RayJob, Resource

KEPT_BYTES = 16 << 10
"""Of a manifest that is remembered: whoever may write to a store decides how long it is."""
KEPT_STORES = 1000
QUIET = timedelta(seconds=60)
"""A trainer that was not heard of for so long is asked after each time."""

T = TypeVar("T")


class Observer(Asking):
    """Reads what decisions rest on."""

    def __init__(self, cache: Cache, cluster: Cluster, slots: Slots, config: Config) -> None:
        super().__init__(cache, cluster, config)
        self._slots = slots
        self._lock = threading.Lock()
        self._sightings = Sightings()
        self._stuck = Stuck(cache, cluster)
        self._looked_at: dict[Key, datetime] = {}
        self._stores = Bounded[str, ArtifactStore](KEPT_STORES)
        self._looks = Looks()
        self._readers = Readers()

    def observe(
        self,
        resource: Resource,
        plan: Plan | None,
        credentials_secret: str | None,
        sure: Set[str] = frozenset(),
        began: float | None = None,
        *,
        replanned: bool = False,
    ) -> Observed:
        """Everything about a resource; without a plan only its RayJobs.

        Args:
            resource: As it was last seen.
            plan: What is to be followed.
            credentials_secret: The plan's.
            sure: Stages, as `<kind>/<digest>`, that are read whatever is known of them.
            began: When this pass looked first (monotonic); None: it does now.
            replanned: Whether the plan is another than the one that was done.

        Raises:
            LingraftError: The store cannot be read.
        """
        began = time.monotonic() if began is None else began
        rayjobs = self.rayjobs(resource, plan, credentials_secret)
        if not replanned and is_done(resource, rayjobs.values()):
            refs = named_refs(plan) if plan is not None else ()
            gone = self._look_at_artifacts(resource, plan, refs) if plan is not None else None
            return Observed(rayjobs=rayjobs, done=True, gone=gone)
        if plan is None:
            return Observed(rayjobs=rayjobs)
        kept = resource.status.last_ready
        gone = self._look_at_artifacts(resource, plan, kept) if kept else None
        looks = self._look_at_stages(resource, plan, credentials_secret, rayjobs, sure, began)
        holders, namespace = self._holders(resource, rayjobs), resource.namespace
        return Observed(
            rayjobs=rayjobs,
            manifests=_of_each(looks, lambda one: looks[one].manifest),
            leases=_of_each(looks, lambda one: looks[one].lease),
            held_until=_of_each(looks, lambda one: looks[one].held_until),
            progress={
                one.holder: one.progress for one in looks.values() if one.progress is not None
            },
            failures={k: v for look in looks.values() for k, v in look.failures.items()},
            checkpoints={k: v for look in looks.values() for k, v in look.checkpoints.items()},
            signs=_of_each(holders, lambda one: self._sightings.signs((namespace, one))),
            troubles=_of_each(holders, lambda one: self._cache.trouble((namespace, one)))
            | self._stuck.troubles(rayjobs.values()),
            disruptions=_of_each(holders, lambda one: self._cache.disruption((namespace, one))),
            lingering=frozenset(one for one in holders if self._cache.lingers((namespace, one))),
            gone=gone,
            began=began,
            looked=frozenset(ref for ref, look in looks.items() if look.at >= began),
            slots=self._slots.free(resource.key, resource.created_at),
        )

    def _look_at_stages(
        self,
        resource: Resource,
        plan: Plan,
        credentials_secret: str | None,
        rayjobs: Mapping[str, RayJob],
        sure: Set[str],
        began: float,
    ) -> dict[str, Look]:
        """The stages whose inputs are there, by `<kind>/<digest>`; many of them side by side."""
        store = self.store(plan.store)
        eyes = Eyes(store, self._sightings)
        statuses = {(s.name, s.digest): s for s in resource.status.stages}

        def look(planned: PlannedStage) -> Look:
            ref = planned.stage.ref
            rayjob = rayjobs.get(rayjob_name(planned.stage, plan.store, credentials_secret))
            status = statuses.get((planned.name, planned.stage.digest))
            last = status.attempts[-1] if status is not None and status.attempts else None
            unjudged = last.holder if last is not None and last.ended_at is None else None
            place = (resource.namespace, store.uri, ref)
            return self._look(eyes, place, planned, rayjob, unjudged, began, sure=ref in sure)

        looks: dict[str, Look] = {}
        done: set[str] = set()
        todo = list(plan.stages)
        # A stage is done after its inputs: below the first gap there is nothing to ask for.
        while ready := [one for one in todo if done.issuperset(one.needs)]:
            for planned, found in zip(ready, self._readers.each(look, ready), strict=True):
                looks[planned.stage.ref] = found
                if found.manifest is not None:
                    done.add(planned.name)
            names = {one.name for one in ready}
            todo = [one for one in todo if one.name not in names]
        return looks

    def _look(
        self,
        eyes: Eyes,
        place: Place,
        planned: PlannedStage,
        rayjob: RayJob | None,
        unjudged: str | None,
        began: float,
        *,
        sure: bool,
    ) -> Look:
        """What is known of a stage, or what is read of it now."""
        now, state = time.monotonic(), state_of(rayjob, unjudged)
        known = self._looks.last(place)
        # Before a trainer is given up it is asked after.
        quiet = rayjob is not None and rayjob.running and self._is_quiet(rayjob)
        poll = self._config.poll_seconds
        if known is not None and (
            known.at >= began  # in this pass
            or (not (sure or quiet) and stands(known, state, place[2], rayjob, now, poll))
        ):
            return known
        new = Look(at=now, whole_at=now, state=state)
        found: Look | None = None
        if known is not None and rayjob is not None and rayjob.running:
            found = eyes.goes_on(planned, rayjob, known, new)
        found = found or eyes.look(planned, rayjob, unjudged, new)
        large = found.manifest is not None and len(found.manifest.model_dump_json()) > KEPT_BYTES
        if large:
            self._looks.forget(place)
        else:
            self._looks.keep(place, found)
        return found

    def _is_quiet(self, rayjob: RayJob) -> bool:
        signs = self._sightings.signs((rayjob.namespace, rayjob.holder))
        return signs is None or signs.heard + QUIET < utc_now()

    def forget(self, key: Key) -> None:
        """A resource is gone."""
        with self._lock:
            self._looked_at.pop(key, None)

    def _look_at_artifacts(
        self, resource: Resource, plan: Plan, refs: Iterable[str]
    ) -> tuple[str, ...] | None:
        """What is gone; None where it is too early, or the store is away: that says nothing."""
        now = utc_now()
        with self._lock:
            due = is_due(resource, self._looked_at.get(resource.key), now)
            if due:
                self._looked_at[resource.key] = now
        if not due:
            return None
        try:
            store = self.store(plan.store)
            gone = gone_of(store, refs)
        except LingraftError:
            return None
        for ref in gone:
            self._looks.forget((resource.namespace, store.uri, ref))
        return gone

    def _holders(self, resource: Resource, rayjobs: dict[str, RayJob]) -> set[str]:
        attempts = (a.holder for stage in resource.status.stages for a in stage.attempts)
        return {*attempts, *(rayjob.holder for rayjob in rayjobs.values())}

    def store(self, uri: str) -> ArtifactStore:
        """A store, which stays open."""
        with self._lock:
            known = self._stores.get(uri)
        if known is None:
            known = open_store(uri)
            with self._lock:
                self._stores[uri] = known
        return known


def _of_each(names: Iterable[str], look: Callable[[str], T | None]) -> dict[str, T]:
    """What there is of each, where there is something."""
    found = {name: look(name) for name in names}
    return {name: one for name, one in found.items() if one is not None}
