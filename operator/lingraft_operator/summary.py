"""What the states of a resource's stages amount to: in one sentence, aspect by aspect: pure."""

from collections.abc import Sequence
from datetime import datetime

from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import Evaluation, LanguageAdaptationStatus, Phase, StageStatus
from lingraft_operator import results
from lingraft_operator.conditions import Aspect, Summary, conditions
from lingraft_operator.healing import needs_somebody
from lingraft_operator.world import Resource


def summary_of(
    spec: LanguageAdaptationSpec,
    stages: Sequence[StageStatus],
    status: LanguageAdaptationStatus,
) -> Summary:
    """The whole resource, as far as its plan has come."""
    failed = [stage for stage in stages if stage.state == "Failed"]
    if failed:
        counted = [attempt for attempt in failed[0].attempts if attempt.counted]
        reason = counted[-1].reason or "Failed"
        message = f"{failed[0].name}: {counted[-1].message}"
        if counted[-1].failure_class != "user" and len(counted) > 1:
            message = f"{failed[0].name} failed {len(counted)} times, last: {counted[-1].message}"
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
) -> LanguageAdaptationStatus:
    """The status with conditions, phase and progress, for the generation that was judged."""
    if aspects is None:
        # What was found out of an earlier generation says nothing of this one.
        keep = ("EmbeddingsTrained", "QualityGatePassed")
        aspects = [
            (c.type, c.status, c.reason, c.message)
            for c in status.conditions
            if c.type in keep and c.observed_generation == resource.generation
        ]
    busy = any(s.state in ("Running", "Starting", "Done", "Retrying") for s in status.stages)
    phase: Phase = (
        ("Running" if busy else "Pending") if summary.state == "Reconciling" else (summary.state)
    )
    return status.model_copy(
        update={
            "observed_generation": resource.generation,
            "phase": phase,
            "heals": summary.heals,
            "progress": results.progress_text(status.stages, summary),
            "conditions": conditions(
                summary,
                aspects,
                resource.status.conditions,
                generation=resource.generation,
                now=now,
            ),
        }
    )
