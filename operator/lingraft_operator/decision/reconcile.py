"""The decision about one resource: pure. `worker.py` asks for it, `apply.py` does it."""

from dataclasses import replace
from datetime import timedelta

from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft_operator.decision import published
from lingraft_operator.decision.case import Case, Decision, pools_of
from lingraft_operator.decision.done import LOOK_SECONDS, gone_aspect, gone_summary, model_refs
from lingraft_operator.decision.following import followed, stopped
from lingraft_operator.decision.healing import look_again_at
from lingraft_operator.decision.refresh import Looked, remembered, wake_time
from lingraft_operator.decision.spending import Purse, planned_in
from lingraft_operator.status.conditions import Summary
from lingraft_operator.status.summary import aspects_of, summary_of, unfinished, with_summary


def reconcile(
    case: Case, *, looked: Looked | None = None, seen: published.Seen | None = None
) -> Decision:
    """Decide.

    Args:
        case: The resource, and what is known of it.
        looked: What was found where all sources were looked up anew in this pass.
        seen: What the place where it publishes said in this pass.
    """
    resource, spec, now = case.resource, case.spec, case.now
    before = resource.status
    purse = Purse(
        uid=resource.uid,
        budget=spec.budget if spec is not None else None,
        planned=planned_in(before, case.pinned),
        pools=pools_of(spec, case.config) if spec is not None else {},
        observed=case.observed,
        now=now,
    )
    known = remembered(resource, spec, looked, now)
    charged = purse.charged(before).model_copy(update={"refresh": known})
    resource = replace(resource, status=charged)
    decision = _decide(replace(case, resource=resource))
    # Attempts that began or ended in this pass.
    status = published.followed(resource, purse.charged(decision.status), spec, seen)
    wakes = (
        decision.wake_at,
        wake_time(spec, before, status, now),
        published.wake_time(seen, now),
        purse.lasts_until(status),
    )
    wake_at = min((one for one in wakes if one is not None), default=None)
    return replace(decision, status=status, wake_at=wake_at)


def _decide(case: Case) -> Decision:
    resource, spec, trouble = case.resource, case.spec, case.trouble
    before = resource.status
    if spec is not None and spec.suspend:
        summary = Summary("Suspended", "Suspended", "spec.suspend is true; nothing runs")
        return stopped(case, before, summary)
    # What is done needs nobody: nor a right to the store, which is looked at no more without it.
    if spec is not None and case.observed.done:
        return _looked_at_again(case, spec)
    if trouble is not None and trouble.failure_class == "user":
        summary = Summary("Stalled", trouble.reason, _sentence(trouble))
        return stopped(case, before, summary)
    if trouble is not None and trouble.failure_class == "outside":
        return _needs_somebody(case, trouble)
    if spec is None or case.pinned is None or trouble is not None:
        said = _sentence(trouble) if trouble else "looking up what the plan needs"
        summary = Summary("Reconciling", trouble.reason if trouble else "Planning", said)
        return Decision((), with_summary(resource, before, summary, case.now))
    return followed(case, spec, case.pinned)


def _needs_somebody(case: Case, trouble: Failure) -> Decision:
    """Start nothing new, and look again later: the user edited nothing that would be at fault.

    What runs by a plan that was made for this generation goes on to its end.
    """
    resource, now = case.resource, case.now
    before = resource.status.model_copy(update={"retry": resource.retry})
    summary = Summary("Stalled", trouble.reason, _sentence(trouble), heals=True)
    if case.spec is not None and case.pinned is not None:
        decision = followed(case, case.spec, case.pinned, held=summary)
    elif before.plan is not None and before.plan.generation == resource.generation:
        decision = Decision((), with_summary(resource, before, summary, now))
    else:
        decision = stopped(case, before, summary)
    if not (decision.status.heals or unfinished(decision.status)):  # what is done needs nobody
        return decision
    which = "Stalled" if decision.status.heals else "Refreshed"
    again_at = look_again_at(resource.status.conditions, now, which)
    return replace(decision, wake_at=min(again_at, decision.wake_at or again_at))


def _sentence(failure: Failure) -> str:
    return f"{failure.where}: {failure.message}" if failure.where else failure.message


def _looked_at_again(case: Case, spec: LanguageAdaptationSpec) -> Decision:
    """All is done: nothing is started, but what is no longer there is said."""
    resource, now = case.resource, case.now
    status, gone = resource.status, case.observed.gone
    if case.pinned is not None:  # looked up anew, and nothing changed
        status = status.model_copy(update={"plan": case.pinned})
    plan = status.plan.readable if status.plan is not None else None
    if plan is not None and (gone is not None or not status.heals):
        summary = summary_of(spec, status.stages, status)
        aspects = aspects_of(spec, status.stages, status)
        if gone:
            summary = gone_summary(gone, plan)
            aspects = [gone_aspect(one, gone) for one in aspects]
        ready = model_refs(plan) if summary.state == "Ready" else ()
        status = status.model_copy(update={"last_ready": ready})
        status = with_summary(resource, status, summary, now, aspects)
    if status.heals:
        return Decision((), status, look_again_at(resource.status.conditions, now))
    return Decision((), status, now + timedelta(seconds=LOOK_SECONDS))
