"""One pass over one resource: observe, reconcile, apply, write down.

`reconcile.py` decides; what it decides about RayJobs is done by `apply.py`, with the RayJobs
that `rayjob.py` builds.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lingraft.errors import LingraftError
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PinnedPlan
from lingraft_operator import metrics, planning
from lingraft_operator.apply import TOO_LARGE, Actor
from lingraft_operator.cache import Cache
from lingraft_operator.cluster import Cluster, Conflict, Refused, Unavailable
from lingraft_operator.config import Config
from lingraft_operator.events import Note, transitions
from lingraft_operator.observe import Observer
from lingraft_operator.queue import seconds_until
from lingraft_operator.reconcile import reconcile
from lingraft_operator.slots import Slots
from lingraft_operator.world import Key, Observed, Resource

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 60
"""Progress alone is written at most so often."""
SOON = 0.05


@dataclass
class Worker:
    """Applies decisions; called by the worker threads, one key at a time each."""

    cache: Cache
    cluster: Cluster
    observer: Observer
    actor: Actor
    slots: Slots
    config: Config
    wake: Callable[[Key], None]
    tell: Callable[[Resource, Note], None]
    written: dict[Key, float] = field(default_factory=dict[Key, float])
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
            return self._pass_or_look_again(resource)
        except (Unavailable, Refused) as error:
            metrics.reconcile_errors.labels("unavailable").inc()
            details = {"namespace": resource.namespace, "resource": resource.name}
            log.warning("the API server did not answer as it should: %s", error, extra=details)
            return self._backoff(key)

    def _pass_or_look_again(self, resource: Resource) -> float | None:
        try:
            return self._pass(resource)
        except Conflict:
            metrics.reconcile_errors.labels("conflict").inc()
            self.observer.look_again(resource)
            return SOON

    def _pass(self, resource: Resource) -> float | None:
        spec, pinned, trouble = self._plan(resource)
        trouble = trouble or _too_large(resource)
        final = trouble is not None and trouble.failure_class == "user"
        plan = pinned.plan if pinned is not None and not final else None
        secret = pinned.credentials_secret if pinned is not None else None
        if spec is not None and spec.suspend:
            plan = None
        observed = Observed()
        try:
            with metrics.reconcile_seconds.labels("observe").time():
                observed = self.observer.observe(resource, plan, secret)
        except LingraftError as error:
            # Whatever the store says while stages run, it is no reason to stop them.
            trouble = Failure(
                failure_class="infrastructure",
                reason="StoreUnavailable",
                message=error.message,
                where=error.where,
            )
        now, more = datetime.now(UTC), False
        asked = resource.uid, resource.generation, resource.retry
        anew = self.tried.get(resource.key) != asked
        decision = reconcile(resource, spec, pinned, trouble, observed, self.config, now, anew=anew)
        if decision.actions:
            refused = self.actor.apply(resource, spec, pinned, decision.actions)
            # Conditions count from when they were written, not from this moment.
            former = {"conditions": resource.status.conditions}
            judged = replace(resource, status=decision.status.model_copy(update=former))
            observed = replace(observed, rayjobs=self.observer.rayjobs(resource, plan, secret))
            decision = reconcile(
                judged, spec, pinned, refused or trouble, observed, self.config, now, anew=anew
            )
            trouble, more = refused or trouble, bool(decision.actions)
        self.slots.wait(resource.key, resource.created_at, decision.waits_for)
        # Whatever this pass freed or found to be over: events may tell nothing new of it.
        for key in self.slots.next_in_line():
            if key != resource.key:
                self.wake(key)
        self._write(resource, decision.status)
        if trouble is not None and trouble.failure_class == "infrastructure":
            return self._backoff(resource.key)
        if not more:
            self.tried[resource.key] = asked
        self.troubled.pop(resource.key, None)
        return SOON if more else seconds_until(decision.wake_at)

    def _plan(
        self, resource: Resource
    ) -> tuple[LanguageAdaptationSpec | None, PinnedPlan | None, Failure | None]:
        """The parsed spec, and the plan for it, and why there is none or nothing new may start."""
        spec: LanguageAdaptationSpec | None = None
        try:
            spec = planning.parse(resource, self.config)
            if spec.suspend:
                return spec, resource.status.plan, None
            spec = planning.placed(spec)
            if not planning.needs_plan(resource):
                # Each time: a prefix that is taken off the list is used no longer.
                planning.check_access(spec, self.config.access, resource.namespace)
                return spec, planning.followed(resource, self.config), None
            with metrics.reconcile_seconds.labels("plan").time():
                return spec, planning.make_plan(resource, spec, self.config), None
        except LingraftError as error:
            failure, former = planning.as_failure(error), resource.status.plan
            if former is None or former.generation != resource.generation:
                return spec, None, failure
            # It was planned once. A store that it may no longer name is not read any more.
            known = failure.failure_class != "infrastructure"
            may = planning.may_use(former.plan.store, self.config.access, resource.namespace)
            return spec, former if known and may else None, planning.not_by_an_edit(failure)

    def _write(self, resource: Resource, status: LanguageAdaptationStatus) -> None:
        before, after = resource.status, status
        if before == after:
            return
        if _lasting(before) == _lasting(after):
            if time.monotonic() - self.written.get(resource.key, 0.0) < PROGRESS_SECONDS:
                return
            self.written[resource.key] = time.monotonic()
        with metrics.reconcile_seconds.labels("write").time():
            body = self.cluster.write_status(resource, after.to_json())
        self.cache.put_resource(body, answer=True)
        for note in transitions(before, after):
            self.tell(resource, note)
        _count(before, after)

    def _backoff(self, key: Key) -> float:
        self.troubled[key] = min(self.troubled.get(key, 0) + 1, 10)
        return min(60.0, 1.0 * 2 ** self.troubled[key])

    def _forget(self, key: Key) -> None:
        self.slots.wait(key, datetime.now(UTC), {})
        self.observer.forget(key)
        for other in self.slots.next_in_line():
            self.wake(other)
        self.written.pop(key, None)
        self.troubled.pop(key, None)
        self.tried.pop(key, None)


def _too_large(resource: Resource) -> Failure | None:
    """What no pod can be given: it is tried again after an edit or a retry only."""
    status = resource.status
    if planning.needs_plan(resource) or status.retry != resource.retry:
        return None
    found = [c for c in status.conditions if c.type == "Stalled" and c.reason == TOO_LARGE]
    return (
        Failure(failure_class="user", reason=TOO_LARGE, message=found[0].message) if found else None
    )


def _lasting(status: LanguageAdaptationStatus) -> LanguageAdaptationStatus:
    """The status without what changes all the time."""
    stages = tuple(
        stage.model_copy(update={"progress": None, "eta": None}) for stage in status.stages
    )
    return status.model_copy(update={"stages": stages, "progress": ""})


def _count(before: LanguageAdaptationStatus, after: LanguageAdaptationStatus) -> None:
    """Metrics of what ended between two statuses."""
    ended_before = {
        attempt.uid
        for stage in before.stages
        for attempt in stage.attempts
        if attempt.ended_at is not None
    }
    for stage in after.stages:
        for attempt in stage.attempts:
            if attempt.ended_at is not None and attempt.uid not in ended_before:
                outcome = attempt.failure_class or attempt.reason or "Succeeded"
                metrics.attempts_ended.labels(stage.kind, outcome).inc()
                if outcome == "Succeeded":
                    metrics.device_seconds.labels(stage.kind).inc(stage.device_seconds or 0.0)
