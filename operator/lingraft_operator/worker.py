"""One pass over one resource: observe, reconcile, apply, write down."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from lingraft.errors import LingraftError, UserError
from lingraft.resource import API_VERSION, KIND, LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PinnedPlan
from lingraft_operator import metrics, planning
from lingraft_operator.cache import Cache, is_going
from lingraft_operator.cluster import Cluster, Conflict, Refused
from lingraft_operator.config import Config
from lingraft_operator.events import Note, transitions
from lingraft_operator.names import rayjob_name
from lingraft_operator.observe import Observer
from lingraft_operator.queue import seconds_until
from lingraft_operator.rayjob import Owner, RayJobRequest, build_rayjob, execution_for
from lingraft_operator.reconcile import Decision, pools_of, reconcile
from lingraft_operator.slots import Slots
from lingraft_operator.stages import Action, Join, Launch, Leave
from lingraft_operator.world import Key, Observed, RayJob, Resource

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 60
"""Progress alone is written at most so often."""
SOON = 0.05
REFUSED = "RayJobRefused"


@dataclass
class Worker:
    """Applies decisions; called by the worker threads, one key at a time each."""

    cache: Cache
    cluster: Cluster
    observer: Observer
    slots: Slots
    config: Config
    wake: Callable[[Key], None]
    written: dict[Key, float] = field(default_factory=dict[Key, float])
    troubled: dict[Key, int] = field(default_factory=dict[Key, int])

    def process(self, key: Key) -> float | None:
        """One pass; returns the seconds until the next one is wanted, or None."""
        resource = self.cache.resource(key)
        if resource is None:
            self._forget(key)
            return None
        try:
            return self._pass(resource)
        except Conflict:
            metrics.reconcile_errors.labels("conflict").inc()
            self._look_again(resource)
            return SOON

    def _look_again(self, resource: Resource) -> None:
        """It changed or went while it was judged; a watch that broke may never say so."""
        body = self.cluster.get_resource(resource.key)
        if body is not None and not is_going(body):
            self.cache.put_resource(body)
        elif self.cache.resource(resource.key) == resource:
            self.cache.drop_resource(resource.key)

    def _pass(self, resource: Resource) -> float | None:
        spec, pinned, trouble = self._plan(resource)
        trouble = trouble or _refused_before(resource)
        plan = pinned.plan if pinned is not None and trouble is None else None
        secret = spec.store.credentials_secret if spec is not None and spec.store else None
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
        now = datetime.now(UTC)
        decision = reconcile(resource, spec, pinned, trouble, observed, self.config, now)
        more = False
        if decision.actions:
            refused = self._apply(resource, spec, pinned, decision)
            judged = replace(resource, status=decision.status)
            observed = replace(observed, rayjobs=self.observer.rayjobs(resource, plan, secret))
            decision = reconcile(
                judged, spec, pinned, refused or trouble, observed, self.config, now
            )
            trouble, more = refused or trouble, bool(decision.actions)
        if self.slots.wait(resource.key, resource.created_at, decision.waits_for):
            for key in self.slots.next_in_line():
                self.wake(key)
        self._write(resource, decision.status)
        if trouble is not None and trouble.failure_class != "user":
            return self._backoff(resource.key)
        self.troubled.pop(resource.key, None)
        return SOON if more else seconds_until(decision.wake_at)

    def _plan(
        self, resource: Resource
    ) -> tuple[LanguageAdaptationSpec | None, PinnedPlan | None, Failure | None]:
        """The parsed spec, and the plan for it or why there is none."""
        spec: LanguageAdaptationSpec | None = None
        try:
            spec = planning.parse(resource, self.config)
            if spec.suspend or not planning.needs_plan(resource):
                return spec, resource.status.plan, None
            with metrics.reconcile_seconds.labels("plan").time():
                return spec, planning.make_plan(resource, spec, self.config), None
        except LingraftError as error:
            return spec, None, planning.as_failure(error)

    def _apply(
        self,
        resource: Resource,
        spec: LanguageAdaptationSpec | None,
        pinned: PinnedPlan | None,
        decision: Decision,
    ) -> Failure | None:
        """Do what was decided; returns why the API server would not have it."""
        for action in decision.actions:
            try:
                with metrics.reconcile_seconds.labels("apply").time():
                    self._act(resource, spec, pinned, action)
            except Conflict:
                name = self._name(action, spec, pinned)
                self.observer.look_up((resource.namespace, name))
            except UserError as error:
                return planning.as_failure(error)
            except Refused as error:
                invalid = error.invalid
                return Failure(
                    failure_class="user" if invalid else "infrastructure",
                    reason=REFUSED,
                    message=f"the API server refuses the RayJob: {error}",
                )
        return None

    def _name(
        self, action: Action, spec: LanguageAdaptationSpec | None, pinned: PinnedPlan | None
    ) -> str:
        if not isinstance(action, Launch):
            return action.rayjob.name
        assert spec is not None and spec.store is not None and pinned is not None
        return rayjob_name(action.planned.stage, pinned.plan.store, spec.store.credentials_secret)

    def _act(
        self,
        resource: Resource,
        spec: LanguageAdaptationSpec | None,
        pinned: PinnedPlan | None,
        action: Action,
    ) -> None:
        details = {"namespace": resource.namespace, "resource": resource.name}
        if isinstance(action, Launch):
            assert spec is not None and pinned is not None  # nothing is launched without a plan
            body = self._rayjob(resource, spec, pinned, action)
            with self.slots.taken(action.pool) as free:
                if not free:  # another worker was faster: wait in the line for the next
                    return
                self.cache.put_rayjob(self.cluster.create_rayjob(body))
            details |= {"stage": action.planned.name, "digest": action.planned.stage.digest}
            log.info("launched %s", body["metadata"]["name"], extra=details)
            return
        rayjob = action.rayjob
        details |= {"stage": rayjob.stage, "rayjob": rayjob.name}
        others = [owner for owner in rayjob.owners if owner["uid"] != resource.uid]
        if isinstance(action, Join):
            owner = Owner(API_VERSION, KIND, resource.name, resource.uid)
            owners = [*others, owner.reference()]
            self.cache.put_rayjob(self.cluster.set_owners(rayjob, owners))
            log.info("joined %s", rayjob.name, extra=details)
        elif isinstance(action, Leave) and others:
            self.cache.put_rayjob(self.cluster.set_owners(rayjob, others))
            log.info("left %s to its other owners", rayjob.name, extra=details)
        else:
            self._delete(rayjob)
            log.info("deleted %s", rayjob.name, extra=details)

    def _rayjob(
        self,
        resource: Resource,
        spec: LanguageAdaptationSpec,
        pinned: PinnedPlan,
        launch: Launch,
    ) -> dict[str, Any]:
        """The RayJob of a launch, with a holder's name that was never used before."""
        plan, planned = pinned.plan, launch.planned
        secret = spec.store.credentials_secret if spec.store else None
        name = rayjob_name(planned.stage, plan.store, secret)
        pool = pools_of(spec, self.config)[launch.pool]
        stage_spec = plan.spec(planned, f"{name}-{secrets.token_hex(4)}").model_copy(
            update={
                "execution": execution_for(planned.stage, pool, launch.micro_batch_tokens),
                "superseded": launch.superseded,
            }
        )
        request = RayJobRequest(
            planned=planned,
            spec=stage_spec,
            namespace=resource.namespace,
            owner=Owner(API_VERSION, KIND, resource.name, resource.uid),
            pool_name=launch.pool,
            pool=pool,
            queue=spec.queue,
            credentials_secret=secret,
            image=pinned.trainer_image,
        )
        return build_rayjob(request, self.config)

    def _delete(self, rayjob: RayJob) -> None:
        self.cluster.delete_rayjob(rayjob)
        # KubeRay's finalizer may keep it for a while: ask, rather than guess.
        self.observer.look_up((rayjob.namespace, rayjob.name))

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
        self.cache.put_resource(body, written=True)
        for note in transitions(before, after):
            self._tell(resource, note)
        _count(before, after)

    def _tell(self, resource: Resource, note: Note) -> None:
        """Post an Event; that is a courtesy, and never holds anything up."""
        try:
            self.cluster.record(resource, note)
        except Exception as error:
            metrics.reconcile_errors.labels("event").inc()
            log.warning("an Event could not be posted: %s", error)

    def _backoff(self, key: Key) -> float:
        self.troubled[key] = min(self.troubled.get(key, 0) + 1, 10)
        return min(60.0, 1.0 * 2 ** self.troubled[key])

    def _forget(self, key: Key) -> None:
        if self.slots.wait(key, datetime.now(UTC), {}):
            for other in self.slots.next_in_line():
                self.wake(other)
        self.written.pop(key, None)
        self.troubled.pop(key, None)


def _refused_before(resource: Resource) -> Failure | None:
    """What the API server will never take: it is asked again after an edit or a retry only."""
    status = resource.status
    if planning.needs_plan(resource) or status.retry != resource.retry:
        return None
    found = [c for c in status.conditions if c.type == "Stalled" and c.reason == REFUSED]
    return (
        Failure(failure_class="user", reason=REFUSED, message=found[0].message) if found else None
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
