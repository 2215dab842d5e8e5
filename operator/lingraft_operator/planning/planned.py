"""What one pass over a resource rests on: its spec, its plan, or why nothing new may start."""

from datetime import UTC, datetime
from typing import NamedTuple

from lingraft.errors import LingraftError
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import PinnedPlan
from lingraft.store.budget import within
from lingraft_operator import metrics
from lingraft_operator.config import Config
from lingraft_operator.decision import refresh
from lingraft_operator.decision.refresh import Looked
from lingraft_operator.planning.access import check_access, check_allowed, check_prices, may_use
from lingraft_operator.planning.failures import as_failure, not_by_an_edit
from lingraft_operator.planning.pinned import (
    followed,
    look_anew,
    make_plan,
    needs_plan,
    why_replaced,
)
from lingraft_operator.planning.spec import parse, placed
from lingraft_operator.world import Resource

PLAN_SECONDS = 180.0
"""How long stores may keep the planning of one pass; see `worker.OBSERVE_SECONDS`."""


class Planned(NamedTuple):
    """What a pass rests on: the spec, the plan for it, why nothing new may start, a look."""

    spec: LanguageAdaptationSpec | None
    pinned: PinnedPlan | None
    trouble: Failure | None = None
    looked: Looked | None = None


def planned(resource: Resource, config: Config, *, anew: bool) -> Planned:
    """The parsed spec, and the plan for it, and why there is none or nothing new may start."""
    spec: LanguageAdaptationSpec | None = None
    looked: Looked | None = None
    try:
        spec = parse(resource, config)
        if spec.suspend:
            return Planned(spec, resource.status.plan)
        check_allowed(spec, config, resource.namespace)
        check_prices(spec, config)
        spec = placed(spec)
        why = why_replaced(resource, datetime.now(UTC))
        if not (needs_plan(resource) or why):
            looked = _look(resource, spec, config, anew=anew)
            if looked is not None and looked.pinned is not None:
                return Planned(spec, looked.pinned, None, looked)
            # Each time: a prefix that is taken off the list is used no longer.
            check_access(spec, config.access, resource.namespace)
            pinned = followed(resource, config)
            known = pinned if pinned is not None and pinned.readable else None
            return Planned(spec, known, None, looked)
        with metrics.reconcile_seconds.labels("plan").time(), within(PLAN_SECONDS):
            return Planned(spec, make_plan(resource, spec, config, why=why))
    except LingraftError as error:
        failure, former = as_failure(error), resource.status.plan
        before = former.readable if former is not None else None
        if before is None or former is None or former.generation != resource.generation:
            return Planned(spec, None, failure)
        # It was planned once. A store that it may no longer name is not read any more.
        known = failure.failure_class != "infrastructure"
        may = may_use(before.store, config.access, resource.namespace)
        failure = not_by_an_edit(failure)
        return Planned(spec, former if known and may else None, failure, looked)


def _look(
    resource: Resource, spec: LanguageAdaptationSpec, config: Config, *, anew: bool
) -> Looked | None:
    now = datetime.now(UTC)
    look = refresh.wanted(resource, spec, now, anew=anew)
    if look is None:
        return None
    with metrics.reconcile_seconds.labels("plan").time(), within(PLAN_SECONDS):
        return look_anew(resource, spec, config, look, now)
