"""The decision about one resource: pure. `worker.py` asks for it, `apply.py` does it.

Stages are judged one by one, in the order of the plan (`stages.py`); from their states
follow the conditions, and what the resource no longer needs is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lingraft.plan import PlannedStage
from lingraft.pools import POOL_OF, Pool, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PinnedPlan, StageStatus
from lingraft_operator import results
from lingraft_operator.actions import Action, Leave
from lingraft_operator.attempts import left, reset
from lingraft_operator.conditions import Summary
from lingraft_operator.config import Config
from lingraft_operator.done import LOOK_SECONDS, gone_aspect, gone_summary
from lingraft_operator.healing import look_again_at
from lingraft_operator.names import rayjob_name
from lingraft_operator.stages import Judge, Verdict
from lingraft_operator.summary import aspects_of, summary_of, with_summary
from lingraft_operator.world import Observed, Resource


@dataclass(frozen=True)
class Decision:
    """What to do, what to write, when to look again.

    Attributes:
        actions: On RayJobs, in this order.
        status: The new status; the same as before where nothing changed.
        wake_at: When to look again, if no event comes first; None for never.
        waits_for: Pools in which a slot is needed, and how many.
    """

    actions: tuple[Action, ...]
    status: LanguageAdaptationStatus
    wake_at: datetime | None = None
    waits_for: Mapping[PoolName, int] = field(default_factory=dict[PoolName, int])


def reconcile(
    resource: Resource,
    spec: LanguageAdaptationSpec | None,
    pinned: PinnedPlan | None,
    trouble: Failure | None,
    observed: Observed,
    config: Config,
    now: datetime,
    *,
    anew: bool = False,
) -> Decision:
    """Decide.

    Args:
        resource: As it was last seen, with the status as it was last written.
        spec: Its spec, parsed; None where that failed.
        pinned: The plan for its generation; None while there is none, or none that may be read.
        trouble: Why there is no plan, why nothing new may start, or why the store cannot be read.
        observed: Everything else.
        config: The chart's settings.
        now: This moment.
        anew: Whether what waits for a cause outside to go is tried at once.
    """
    before = resource.status
    if spec is not None and spec.suspend:
        summary = Summary("Suspended", "Suspended", "spec.suspend is true; nothing runs")
        return _stopped(resource, before, observed, summary, now)
    # What is done needs nobody: nor a right to the store, which is looked at no more without it.
    if spec is not None and observed.done:
        return _looked_at_again(resource, spec, observed, now)
    if trouble is not None and trouble.failure_class == "user":
        summary = Summary("Stalled", trouble.reason, _sentence(trouble))
        return _stopped(resource, before, observed, summary, now)
    if trouble is not None and trouble.failure_class == "outside":
        return _needs_somebody(resource, spec, pinned, trouble, observed, config, now)
    if spec is None or pinned is None or trouble is not None:
        said = _sentence(trouble) if trouble else "looking up what the plan needs"
        summary = Summary("Reconciling", trouble.reason if trouble else "Planning", said)
        return Decision((), with_summary(resource, before, summary, now))
    return _followed(resource, spec, pinned, observed, config, now, anew=anew)


def _needs_somebody(
    resource: Resource,
    spec: LanguageAdaptationSpec | None,
    pinned: PinnedPlan | None,
    trouble: Failure,
    observed: Observed,
    config: Config,
    now: datetime,
) -> Decision:
    """Start nothing new, and look again later: the user edited nothing that would be at fault.

    What runs by a plan that was made for this generation goes on to its end.
    """
    before = resource.status.model_copy(update={"retry": resource.retry})
    summary = Summary("Stalled", trouble.reason, _sentence(trouble), heals=True)
    if spec is not None and pinned is not None:
        decision = _followed(resource, spec, pinned, observed, config, now, held=summary)
    elif before.plan is not None and before.plan.generation == resource.generation:
        decision = Decision((), with_summary(resource, before, summary, now))
    else:
        decision = _stopped(resource, before, observed, summary, now)
    if not decision.status.heals:  # what is done needs nobody
        return decision
    again_at = look_again_at(resource.status.conditions, now)
    return replace(decision, wake_at=min(again_at, decision.wake_at or again_at))


def _sentence(failure: Failure) -> str:
    return f"{failure.where}: {failure.message}" if failure.where else failure.message


def _looked_at_again(
    resource: Resource,
    spec: LanguageAdaptationSpec,
    observed: Observed,
    now: datetime,
) -> Decision:
    """All is done: nothing is started, but what is no longer there is said."""
    status, gone = resource.status, observed.gone
    if gone is not None and status.plan is not None:
        summary = summary_of(spec, status.stages, status)
        aspects = aspects_of(spec, status.stages, status)
        if gone:
            summary = gone_summary(gone, status.plan.plan)
            aspects = [gone_aspect(one, gone) for one in aspects]
        status = with_summary(resource, status, summary, now, aspects)
    if status.heals:
        return Decision((), status, look_again_at(resource.status.conditions, now))
    return Decision((), status, now + timedelta(seconds=LOOK_SECONDS))


def _followed(
    resource: Resource,
    spec: LanguageAdaptationSpec,
    pinned: PinnedPlan,
    observed: Observed,
    config: Config,
    now: datetime,
    *,
    held: Summary | None = None,
    anew: bool = False,
) -> Decision:
    """Go on with the plan; with as much of it as runs, where something holds it up."""
    plan = pinned.plan
    again = _fresh(resource.status, pinned, resource.retry)
    judge = Judge(
        uid=resource.uid,
        retry=spec.retry,
        pools=pools_of(spec, config),
        observed=observed,
        config=config,
        now=now,
        slots=dict(observed.slots),
        held=held is not None,
        anew=anew,
    )
    secret = pinned.credentials_secret
    verdicts: dict[str, Verdict] = {}
    names: set[str] = set()
    for planned in plan.stages:
        name = rayjob_name(planned.stage, plan.store, secret)
        names.add(name)
        ready = all(verdicts[need].stage.state == "Done" for need in planned.needs)
        stage = _stage_status(planned, again)
        if stage.attempts and stage.attempts[-1].ray_job != name:  # other credentials
            stage = left(stage, "Replaced", now)
        verdicts[planned.name] = judge.judge(
            planned, stage, observed.rayjobs.get(name), ready=ready
        )

    stages = tuple(verdict.stage for verdict in verdicts.values())
    status = resource.status.model_copy(
        update={"stages": stages, "plan": pinned, "retry": resource.retry}
    )
    status = results.with_results(status, plan, spec, observed.manifests, pools_of(spec, config))
    summary = summary_of(spec, stages, status)
    over = summary.state == "Ready" or summary.reason == "QualityGateFailed"
    over = over and pinned.refresh == resource.refresh
    if held is not None and not over:
        summary = held
    if summary.state == "Stalled" and not over and not summary.heals:
        # It cannot become Ready: what still runs only costs. What is done stays done.
        return _stopped(resource, status, observed, summary, now)
    foreign = _unwanted(resource, observed, names)
    actions = (*foreign, *(v.action for v in verdicts.values() if v.action is not None))
    wakes = [verdict.wake_at for verdict in verdicts.values() if verdict.wake_at is not None]
    if summary.state == "Ready":
        wakes.append(now + timedelta(seconds=LOOK_SECONDS))
    waits_for: dict[PoolName, int] = {}
    for planned in plan.stages:
        if verdicts[planned.name].waits_for_slot:
            pool = POOL_OF[planned.stage.kind]
            waits_for[pool] = waits_for.get(pool, 0) + 1
    return Decision(
        actions,
        with_summary(resource, status, summary, now, aspects_of(spec, stages, status)),
        min(wakes, default=None),
        waits_for,
    )


def pools_of(spec: LanguageAdaptationSpec, config: Config) -> dict[PoolName, Pool]:
    """The chart's pools with the resource's overrides."""
    return {
        "small": config.pools.small.overridden_by(spec.pools.small),
        "large": config.pools.large.overridden_by(spec.pools.large),
    }


def _fresh(
    status: LanguageAdaptationStatus, pinned: PinnedPlan, retry: str
) -> Mapping[tuple[str, str], StageStatus]:
    """What is known of stages by name and digest; counts start anew with a new plan or retry."""
    same = status.plan is not None and status.plan.generation == pinned.generation
    anew = not same or status.retry != retry
    return {(s.name, s.digest): reset(s) if anew else s for s in status.stages}


def _stage_status(
    planned: PlannedStage, known: Mapping[tuple[str, str], StageStatus]
) -> StageStatus:
    digest, kind = planned.stage.digest, planned.stage.kind
    fresh = StageStatus(name=planned.name, kind=kind, digest=digest, state="Waiting")
    return known.get((planned.name, digest), fresh)


def _unwanted(resource: Resource, observed: Observed, names: set[str]) -> tuple[Leave, ...]:
    """RayJobs that the resource owns and its plan does not name."""
    return tuple(
        Leave(rayjob)
        for name, rayjob in observed.rayjobs.items()
        if name not in names and rayjob.owned_by(resource.uid) and not rayjob.deleting
    )


def _stopped(
    resource: Resource,
    status: LanguageAdaptationStatus,
    observed: Observed,
    summary: Summary,
    now: datetime,
) -> Decision:
    """Nothing of this resource runs: leave whatever does."""
    actions = tuple(
        Leave(rayjob)
        for rayjob in observed.rayjobs.values()
        if rayjob.owned_by(resource.uid) and not (rayjob.deleting or rayjob.finished)
    )
    stages = tuple(
        stage if stage.state == "Failed" else left(stage, summary.reason, now)
        for stage in status.stages
    )
    obeyed = status.model_copy(update={"stages": stages, "retry": resource.retry})
    return Decision(actions, with_summary(resource, obeyed, summary, now))
