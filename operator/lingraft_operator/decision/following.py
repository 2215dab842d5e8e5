"""How a plan is followed, stage by stage, and how all of it is stopped: pure.

Stages are judged one by one, in the order of the plan (`stages.py`); from their states follow the
conditions, and what the resource no longer needs is left.
"""

from collections.abc import Mapping
from datetime import timedelta

from lingraft.plan import PlannedStage
from lingraft.pools import POOL_OF, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import LanguageAdaptationStatus, PinnedPlan, StageStatus
from lingraft_operator.decision.actions import Leave
from lingraft_operator.decision.at_work import Verdict
from lingraft_operator.decision.attempts import left, reset
from lingraft_operator.decision.case import Case, Decision, pools_of
from lingraft_operator.decision.done import LOOK_SECONDS, model_refs
from lingraft_operator.decision.spending import used_up
from lingraft_operator.decision.stages import Judge
from lingraft_operator.names import rayjob_name
from lingraft_operator.status import results
from lingraft_operator.status.conditions import Summary
from lingraft_operator.status.logs import with_logs
from lingraft_operator.status.summary import aspects_of, summary_of, with_summary
from lingraft_operator.world import Observed, Resource


def followed(
    case: Case,
    spec: LanguageAdaptationSpec,
    pinned: PinnedPlan,
    *,
    held: Summary | None = None,
) -> Decision:
    """Go on with the plan; with as much of it as runs, where something holds it up.

    Args:
        case: The resource, and what was observed.
        spec: Its spec.
        pinned: The plan.
        held: What holds it up: nothing new is started.
    """
    resource, observed, now = case.resource, case.observed, case.now
    plan, pools = pinned.plan, pools_of(spec, case.config)
    again = _fresh(resource.status, pinned, resource.retry)
    judge = Judge(
        uid=resource.uid,
        retry=spec.retry,
        pools=pools,
        observed=observed,
        config=case.config,
        now=now,
        slots=dict(observed.slots),
        held=held is not None,
        anew=case.anew and held is None,
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

    stages = with_logs((verdict.stage for verdict in verdicts.values()), plan.store)
    status = resource.status.model_copy(
        update={"stages": stages, "plan": pinned, "retry": resource.retry}
    )
    former = _last_ready(resource.status, pinned) if not observed.gone else ()
    status = results.with_results(status, plan, spec, observed.manifests, pools)
    summary = summary_of(spec, stages, status)
    over = summary.state == "Ready" or summary.reason == "QualityGateFailed"
    if summary.state == "Ready":
        former = model_refs(plan)
    elif former:
        status = results.with_former(status, resource.status)
    status = status.model_copy(update={"last_ready": former})
    if held is not None and not over:
        summary = held
    if not over and not any(stage.state == "Failed" for stage in stages):
        missing = used_up(spec.budget, status, plan, observed.rayjobs.values(), resource.uid)
        summary = Summary("Stalled", "BudgetExceeded", missing) if missing else summary
    if summary.state == "Stalled" and not over and not summary.heals:
        # It cannot become Ready: what still runs only costs. What is done stays done.
        return stopped(case, status, summary)
    foreign = _unwanted(resource, observed, names)
    actions = (*foreign, *(v.action for v in verdicts.values() if v.action is not None))
    wakes = [verdict.wake_at for verdict in verdicts.values() if verdict.wake_at is not None]
    if summary.state == "Ready" or former:
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


def stopped(case: Case, status: LanguageAdaptationStatus, summary: Summary) -> Decision:
    """Nothing of this resource runs: leave whatever does."""
    resource, observed, now = case.resource, case.observed, case.now
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


def _fresh(
    status: LanguageAdaptationStatus, pinned: PinnedPlan, retry: str
) -> Mapping[tuple[str, str], StageStatus]:
    """What is known of stages by name and digest; counts start anew with a new plan or retry."""
    same = status.plan is not None and status.plan.generation == pinned.generation
    anew = not same or status.retry != retry
    return {(s.name, s.digest): reset(s) if anew else s for s in status.stages}


def _last_ready(before: LanguageAdaptationStatus, pinned: PinnedPlan) -> tuple[str, ...]:
    """What was Ready last, if it is still what is asked for: no edit changed a stage of it."""
    plan = before.plan
    if plan is None or not before.last_ready:
        return ()
    same = plan.generation == pinned.generation or plan.content == pinned.content
    return before.last_ready if same else ()


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
