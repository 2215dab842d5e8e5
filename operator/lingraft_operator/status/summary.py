"""What the states of a resource's stages amount to: in one sentence, aspect by aspect: pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import Evaluation, LanguageAdaptationStatus, Phase, StageStatus
from lingraft_operator.decision.healing import needs_somebody
from lingraft_operator.decision.past import last_failure, past_of
from lingraft_operator.status import results
from lingraft_operator.status.conditions import Aspect, Summary, Truth, conditions
from lingraft_operator.world import Resource


def summary_of(
    spec: LanguageAdaptationSpec,
    stages: Sequence[StageStatus],
    status: LanguageAdaptationStatus,
) -> Summary:
    """The whole resource, as far as its plan has come."""
    failed = [stage for stage in stages if stage.state == "Failed"]
    if failed:
        past, (reason, said) = past_of(failed[0]), last_failure(failed[0])
        message = f"{failed[0].name}: {said}"
        if not past.user and past.failed > 1:
            message = f"{failed[0].name} failed {past.failed} times, last: {said}"
        return Summary("Stalled", reason, message)
    if all(stage.state == "Done" for stage in stages):
        missed = [e for e in status.evaluation if e.passed is False]
        if missed:
            return Summary("Stalled", "QualityGateFailed", _why(missed))
        return Summary("Ready", "Adapted", f"{spec.language}: all {len(stages)} stages are done")
    for stage in stages:
        if (said := needs_somebody(stage)) is not None:
            message = f"{stage.name}: {said.message}"
            return Summary("Stalled", said.reason or "Failed", message, heals=True)
    waiting = [s for s in stages if s.state in ("Starting", "Queued", "Retrying") and s.reason]
    running = [s.name for s in stages if s.state == "Running"]
    if running:
        return Summary("Reconciling", "Running", "running " + ", ".join(running))
    if waiting:
        return Summary("Reconciling", waiting[0].reason, f"{waiting[0].name}: {waiting[0].message}")
    return Summary("Reconciling", "Starting", "starting stages")


def aspects_of(
    spec: LanguageAdaptationSpec,
    stages: Sequence[StageStatus],
    status: LanguageAdaptationStatus,
) -> list[Aspect]:
    """What may be true before Ready is, or although it is not."""
    trained = any(stage.kind == "embed" and stage.state == "Done" for stage in stages)
    made: list[Aspect] = [
        ("EmbeddingsTrained", "True", "Trained", "target-language embeddings are in the store")
        if trained
        else ("EmbeddingsTrained", "False", "NotYet", "step 2 is not done")
    ]
    if any(task.gate for task in spec.tasks):
        judged = [e for e in status.evaluation if e.passed is not None]
        if not judged:
            made.append(("QualityGatePassed", "Unknown", "NotYet", "nothing is evaluated yet"))
        elif all(e.passed for e in judged):
            made.append(("QualityGatePassed", "True", "Passed", "every gate is passed"))
        else:
            missed = [e for e in judged if not e.passed]
            made.append(("QualityGatePassed", "False", "Failed", _why(missed)))
    return made


def _why(missed: Sequence[Evaluation]) -> str:
    words = "; ".join(f"{e.task} {e.metric}: {e.reason}" for e in missed)
    return f"a gate is not passed: {words}"


def with_summary(
    resource: Resource,
    status: LanguageAdaptationStatus,
    summary: Summary,
    now: datetime,
    aspects: Sequence[Aspect] | None = None,
    *,
    kept: bool = True,
) -> LanguageAdaptationStatus:
    """The status with conditions, phase and progress, for the generation that was judged.

    What was Ready stays so while it is refreshed, and if that fails: then Refreshed tells the rest,
    as a certificate stays ready while it is renewed.
    """
    refreshed = _refreshed(status, summary)
    followed, summary = summary, _kept(resource, status, summary) if kept else summary
    if aspects is None:
        # What was found out of an earlier generation says nothing of this one.
        keep = ("EmbeddingsTrained", "QualityGatePassed")
        aspects = [
            (c.type, c.status, c.reason, c.message)
            for c in status.conditions
            if c.type in keep and c.observed_generation == resource.generation
        ]
    if followed is not summary:
        aspects = _of_what_is_kept(status, aspects)
    aspects = [one for one in [*aspects, refreshed] if one is not None]
    if status.plan is not None and status.plan.replaced:
        message = f"{summary.message} (planned anew: {status.plan.replaced})"
        summary = replace(summary, message=message)
    busy = any(s.state in ("Running", "Starting", "Done", "Retrying") for s in status.stages)
    phase: Phase = (
        ("Running" if busy else "Pending") if summary.state == "Reconciling" else (summary.state)
    )
    return status.model_copy(
        update={
            "observed_generation": resource.generation,
            "phase": phase,
            "heals": summary.heals,
            "progress": results.progress_text(status.stages, followed),
            "conditions": conditions(
                summary,
                aspects,
                resource.status.conditions,
                generation=resource.generation,
                now=now,
            ),
        }
    )


def unfinished(status: LanguageAdaptationStatus) -> bool:
    """Whether what is Ready is what was Ready before, and the plan is not done."""
    return status.phase == "Ready" and any(stage.state != "Done" for stage in status.stages)


def _kept(resource: Resource, status: LanguageAdaptationStatus, summary: Summary) -> Summary:
    """Ready, where what was Ready last stays; else the summary itself."""
    judged = status.plan is not None and status.plan.generation == resource.generation
    if not (judged and status.last_ready) or summary.state not in ("Reconciling", "Stalled"):
        return summary
    going = summary.state == "Reconciling"
    words = "until the new one is done" if going else "for the new one failed: see Refreshed"
    return Summary("Ready", "Adapted", f"the last model stays {words}")


def _of_what_is_kept(status: LanguageAdaptationStatus, aspects: Sequence[Aspect]) -> list[Aspect]:
    """The aspects of the model that stays: it was trained, and passed its gates."""
    made: list[Aspect] = [
        ("EmbeddingsTrained", "True", "Trained", "target-language embeddings are in the store")
    ]
    if any(one[0] == "QualityGatePassed" for one in aspects):
        made.append(("QualityGatePassed", "True", "Passed", "every gate is passed"))
    return made


def _refreshed(status: LanguageAdaptationStatus, summary: Summary) -> Aspect | None:
    """Whether the model is of the sources as they were when they were last looked up."""
    known = status.refresh
    if known is None or not known.found:
        return None
    if known.reason:
        return ("Refreshed", "False", known.reason, known.found)
    if summary.state == "Ready":
        return ("Refreshed", "True", "Refreshed", known.found)
    truth: Truth = "False" if summary.state == "Stalled" else "Unknown"
    return ("Refreshed", truth, summary.reason, f"{known.found}; {summary.message}")
