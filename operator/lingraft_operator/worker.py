"""One pass over one resource: observe, reconcile, apply, write down.

`reconcile.py` decides; what it decides about RayJobs is done by `apply.py`, with the RayJobs
that `rayjob.py` builds.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lingraft.errors import LingraftError
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus
from lingraft.store.budget import within
from lingraft_operator import metrics
from lingraft_operator.cluster import Cluster, Conflict, Refused, Unavailable
from lingraft_operator.config import Config
from lingraft_operator.decision.actions import Action, Launch
from lingraft_operator.decision.case import Case, Decision
from lingraft_operator.decision.reconcile import reconcile
from lingraft_operator.gate import SET_ASIDE, Gate
from lingraft_operator.jobs.apply import TOO_LARGE, Actor
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.observation.observe import Observer
from lingraft_operator.observation.place import look
from lingraft_operator.planning.failures import of_store
from lingraft_operator.planning.pinned import needs_plan
from lingraft_operator.planning.planned import planned
from lingraft_operator.status.fitting import fitted
from lingraft_operator.status.room import LEVELS, room_for
from lingraft_operator.status.summary import with_summary
from lingraft_operator.status.writer import StatusWriter
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.claims import GONE_SECONDS
from lingraft_operator.watches.queue import seconds_until
from lingraft_operator.world import Key, Observed, Resource

log = logging.getLogger(__name__)

SOON, ALONE_SECONDS = 0.05, 5.0
OBSERVE_SECONDS = 90.0
"""How long stores may keep a pass that observes. With `planned.PLAN_SECONDS` it is less than what a
worker is taken for stuck after."""


@dataclass
class Worker:
    """Applies decisions; called by the worker threads, one key at a time each."""

    cache: Cache
    cluster: Cluster
    observer: Observer
    actor: Actor
    slots: Slots
    config: Config
    gate: Gate
    writer: StatusWriter
    wake: Callable[[Key], None]
    troubled: dict[Key, int] = field(default_factory=dict[Key, int])
    tried: dict[Key, tuple[str, int, str]] = field(default_factory=dict[Key, tuple[str, int, str]])
    """What has had its try since this operator started, as it was asked for."""

    def process(self, key: Key) -> float | None:
        """One pass; returns the seconds until the next one is wanted, or None."""
        resource = self.cache.resource(key)
        if resource is None:
            self._forget(key)
            return None
        try:
            if self.gate.leaves_to_another(resource):
                self.slots.wait(resource.key, resource.created_at, {})
                return GONE_SECONDS
        except Unavailable:
            return self._backoff(key)
        if aside := self.gate.sets_aside(resource):
            self._say_set_aside(resource)
            return aside
        if not self.gate.begin(resource):
            return ALONE_SECONDS
        try:
            again = self._guarded(resource)
        except Exception:
            self.gate.end(key)
            raise
        self.gate.end(key)
        return again

    def _guarded(self, resource: Resource) -> float | None:
        try:
            return self._pass_or_look_again(resource)
        except (Unavailable, Refused) as error:
            metrics.reconcile_errors.labels("unavailable").inc()
            details = {"namespace": resource.namespace, "resource": resource.name}
            log.warning("the API server did not answer as it should: %s", error, extra=details)
            return self._backoff(resource.key)

    def _say_set_aside(self, resource: Resource) -> None:
        """Only say so: nothing of it is read, and what runs goes on."""
        try:
            status = with_summary(
                resource, resource.status, SET_ASIDE, datetime.now(UTC), kept=False
            )
            self.writer.write(resource, status)
        except Conflict:
            self.observer.look_again(resource)

    def _pass_or_look_again(self, resource: Resource) -> float | None:
        try:
            return self._pass(resource)
        except Conflict:
            metrics.reconcile_errors.labels("conflict").inc()
            self.observer.look_again(resource)
            return SOON

    def _pass(self, resource: Resource) -> float | None:
        asked = resource.uid, resource.generation, resource.retry
        anew = self.tried.get(resource.key) != asked
        spec, pinned, trouble, looked = planned(resource, self.config, anew=anew)
        changed = looked is not None and bool(looked.changed)
        trouble = trouble or (None if changed else _too_large(resource))
        final = trouble is not None and trouble.failure_class == "user"
        plan = pinned.readable if pinned is not None and not final else None
        secret = pinned.credentials_secret if pinned is not None else None
        if spec is not None and spec.suspend:
            plan = None
        observed, now, more = Observed(), datetime.now(UTC), False
        sure = frozenset[str]()
        seen = look(resource, spec, self.config.access, self.observer.store) if spec else None

        def judged(resource: Resource, trouble: Failure | None) -> Decision:
            case = Case(resource, spec, pinned, trouble, observed, self.config, now, anew)
            return reconcile(case, looked=looked, seen=seen)

        while True:
            gone, began = observed.gone, observed.began
            try:
                with metrics.reconcile_seconds.labels("observe").time(), within(OBSERVE_SECONDS):
                    observed = self.observer.observe(
                        resource, plan, secret, sure, began, replanned=changed
                    )
            except LingraftError as error:
                # Whatever the store says while stages run, it is no reason to stop them:
                # unjudged, they go on.
                observed, trouble, pinned = Observed(), of_store(error), None
                looked = looked if looked is not None and looked.pinned is None else None
            if gone is not None:  # looked at once in hours
                observed = replace(observed, gone=gone)
            now = datetime.now(UTC)
            decision = judged(resource, trouble)
            # What was read before this pass is not enough to start anything.
            unsure = _launched(decision.actions) - observed.looked
            if not unsure:
                break
            sure |= unsure
        if decision.actions:
            refused = self.actor.apply(resource, spec, pinned, decision.actions)
            # Conditions count from when they were written, not from this moment.
            former = {"conditions": resource.status.conditions}
            written = replace(resource, status=decision.status.model_copy(update=former))
            observed = replace(observed, rayjobs=self.observer.rayjobs(resource, plan, secret))
            decision = judged(written, refused or trouble)
            trouble, more = refused or trouble, bool(decision.actions)
        self.slots.wait(resource.key, resource.created_at, decision.waits_for)
        # Whatever this pass freed or found to be over: events may tell nothing new of it.
        for key in self.slots.next_in_line():
            if key != resource.key:
                self.wake(key)
        self.writer.write(resource, _with_room(resource, spec, decision.status))
        if trouble is not None and trouble.failure_class == "infrastructure":
            return self._backoff(resource.key)
        if not more:
            self.tried[resource.key] = asked
        self.troubled.pop(resource.key, None)
        return SOON if more else seconds_until(decision.wake_at)

    def _backoff(self, key: Key) -> float:
        self.troubled[key] = min(self.troubled.get(key, 0) + 1, 10)
        return min(60.0, 1.0 * 2 ** self.troubled[key])

    def _forget(self, key: Key) -> None:
        self.slots.wait(key, datetime.now(UTC), {})
        self.observer.forget(key)
        for other in self.slots.next_in_line():
            self.wake(other)
        self.writer.forget(key)
        self.troubled.pop(key, None)
        self.tried.pop(key, None)
        self.gate.forget(key)


def _launched(actions: Sequence[Action]) -> frozenset[str]:
    """`<kind>/<digest>` of what is to be started."""
    return frozenset(one.planned.stage.ref for one in actions if isinstance(one, Launch))


def _with_room(
    resource: Resource, spec: LanguageAdaptationSpec | None, status: LanguageAdaptationStatus
) -> LanguageAdaptationStatus:
    """The status as it may be written: its size does not hang on what happens."""
    if status.plan is None or spec is None or status.plan.readable is None:
        return status
    room = room_for(status.plan, spec, resource.other_bytes, status.retry)
    return fitted(status, room or LEVELS[-1], spec)


def _too_large(resource: Resource) -> Failure | None:
    """What no pod can be given: it is tried again after an edit or a retry only."""
    status = resource.status
    if needs_plan(resource) or status.retry != resource.retry:
        return None
    said = [c for c in status.conditions if c.type in ("Stalled", "Refreshed")]
    found = [c for c in said if c.reason == TOO_LARGE]
    return (
        Failure(failure_class="user", reason=TOO_LARGE, message=found[0].message) if found else None
    )
