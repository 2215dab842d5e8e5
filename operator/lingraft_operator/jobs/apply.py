"""Do to RayJobs what was decided: the only writer of theirs."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lingraft.errors import UserError
from lingraft.resource import API_VERSION, KIND, LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import PinnedPlan
from lingraft_operator import metrics
from lingraft_operator.cluster import Cluster, Conflict, Refused, Unavailable
from lingraft_operator.config import Config
from lingraft_operator.decision.actions import Action, Join, Launch, Leave
from lingraft_operator.decision.case import pools_of
from lingraft_operator.jobs.rayjob import Owner, RayJobRequest, build_rayjob, execution_for
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.names import rayjob_name
from lingraft_operator.observation.observe import Observer
from lingraft_operator.planning.failures import as_failure
from lingraft_operator.watches.cache import Cache
from lingraft_operator.world import RayJob, Resource

log = logging.getLogger(__name__)

TOO_LARGE = "StageTooLarge"


@dataclass(frozen=True)
class Actor:
    """Applies actions; what the API server answers goes into the cache."""

    cache: Cache
    cluster: Cluster
    observer: Observer
    slots: Slots
    config: Config
    everywhere: str = "0.0.0.0"
    """Where servers in pods listen, that are to be reached from others."""

    def apply(
        self,
        resource: Resource,
        spec: LanguageAdaptationSpec | None,
        pinned: PinnedPlan | None,
        actions: Sequence[Action],
    ) -> Failure | None:
        """Do what was decided; returns why the API server would not have it."""
        for action in actions:
            try:
                with metrics.reconcile_seconds.labels("apply").time():
                    self._act(resource, spec, pinned, action)
            except Conflict:
                name = self._name(action, spec, pinned)
                self.observer.look_up((resource.namespace, name))
            except Unavailable as error:  # a webhook, say; if all is away, so is the status
                return Failure(
                    failure_class="infrastructure",
                    reason="ApiServerUnavailable",
                    message=f"the API server did not take what is to be done: {error}",
                )
            except UserError as error:
                return as_failure(error).model_copy(update={"reason": TOO_LARGE})
            except Refused as error:  # what a RayJob looks like is the chart's and ours to say
                return Failure(
                    failure_class="outside" if error.invalid else "infrastructure",
                    reason="RayJobRefused",
                    message=f"the API server refuses the RayJob: {error}",
                )
        return None

    def _name(
        self, action: Action, spec: LanguageAdaptationSpec | None, pinned: PinnedPlan | None
    ) -> str:
        if not isinstance(action, Launch):
            return action.rayjob.name
        assert pinned is not None  # nothing is launched without a plan
        return rayjob_name(action.planned.stage, pinned.plan.store, pinned.credentials_secret)

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
            with self.slots.taken(action.pool, resource.namespace) as free:
                if not free:  # another worker was faster: wait in the line for the next
                    return
                self.cache.put_rayjob(self.cluster.create_rayjob(body))
            details |= {"stage": action.planned.name, "digest": action.planned.stage.digest}
            log.info("launched %s", body["metadata"]["name"], extra=details)
            return
        rayjob = action.rayjob
        details |= {"stage": rayjob.stage, "rayjob": rayjob.name}
        others = [owner for owner in rayjob.owners if owner["uid"] != resource.uid]
        if isinstance(action, Leave):
            self._confirm(resource)
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
        secret = pinned.credentials_secret
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
            everywhere=self.everywhere,
        )
        return build_rayjob(request, self.config)

    def _confirm(self, resource: Resource) -> None:
        """Nobody has changed what is wanted: another copy of the operator may know more.

        Raises:
            Conflict: Somebody has.
        """
        self.observer.look_again(resource)
        known = self.cache.resource(resource.key)
        if known is None or (known.uid, known.generation) != (resource.uid, resource.generation):
            raise Conflict(f"{resource.name} was changed meanwhile")

    def _delete(self, rayjob: RayJob) -> None:
        self.cluster.delete_rayjob(rayjob)
        # KubeRay's finalizer may keep it for a while: ask, rather than guess.
        self.observer.look_up((rayjob.namespace, rayjob.name))
