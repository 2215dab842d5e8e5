"""Statuses cut to the room that there is (`room.py`): pure."""

from typing import TypeVar

from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import (
    Attempt,
    FormerAttempts,
    LanguageAdaptationStatus,
    StageStatus,
    StatusModel,
)
from lingraft_operator.decision.past import counted_in
from lingraft_operator.status.room import (
    CHARGES_FROM,
    HOLDER,
    LINE,
    PHASE,
    PUBLISHED,
    REASON,
    ROWS_PER_TASK,
    SAID,
    URL,
    WARNINGS,
    Room,
    log_bytes,
    longest_artifacts,
    stage_bytes,
)
from lingraft_operator.status.texts import cut, cut_message, json_bytes, plain_bytes

M = TypeVar("M", bound=StatusModel)


def fitted(
    status: LanguageAdaptationStatus, room: Room, spec: LanguageAdaptationSpec | None
) -> LanguageAdaptationStatus:
    """The status with no more detail than there is room for."""
    rows = ROWS_PER_TASK * len(spec.tasks) if spec is not None else len(status.evaluation)
    artifacts = status.artifacts
    if artifacts is not None and spec is not None and status.plan is not None:
        most = json_bytes(longest_artifacts(status.plan, spec).model_dump(by_alias=True))
        if json_bytes(artifacts.model_dump(by_alias=True)) > most:  # of a holder nobody of ours has
            artifacts = artifacts.model_copy(update={"task_models": None, "fine_tuned": None})
    longest = max((len(one.name) for one in status.stages), default=0)
    most_of_stage = stage_bytes(room, longest, log_bytes(status.plan) if status.plan else 0)
    update: dict[str, object] = {
        "progress": cut(status.progress, LINE),
        "conditions": tuple(_cut(one, reason=REASON, message=SAID) for one in status.conditions),
        "stages": tuple(fitted_stage(one, room, most_of_stage) for one in status.stages),
        "refresh": status.refresh and _cut(status.refresh, found=SAID, reason=REASON, asked=SAID),
        "artifacts": artifacts,
        "published": status.published and _cut(status.published, **PUBLISHED),
        "evaluation": tuple(
            _cut(one, task=40, metric=20, labels=LINE, reason=LINE)
            for one in status.evaluation[:rows]
        ),
        "warnings": tuple(cut(one, LINE) for one in status.warnings[:WARNINGS]),
    }
    return status.model_copy(update=update)


def fitted_stage(stage: StageStatus, room: Room, most: int) -> StageStatus:
    """A stage with no more detail than there is room for, in at most so many bytes."""
    gone, listed = stage.attempts[: -room.attempts], stage.attempts[-room.attempts :]
    former = stage.former_attempts
    if gone:
        former = counted_in(former or FormerAttempts(), gone)
    if stage.progress is not None:
        stage = stage.model_copy(update={"progress": _cut(stage.progress, phase=PHASE)})
    stage = _cut(stage, reason=REASON, holder=HOLDER, dashboard_url=URL)
    said = {"message": cut_message(stage.message, room.said)}
    attempts = tuple(_fitted_attempt(one, room) for one in listed)
    fitting: dict[str, object] = {**said, "attempts": attempts, "former_attempts": former}
    if any(getattr(stage, name) != value for name, value in fitting.items()):
        stage = stage.model_copy(update=fitting)
    for least in ("dashboard_url", "progress", "log", "message"):
        if _bytes_of(stage) <= most:
            break
        stage = stage.model_copy(update={least: "" if least == "message" else None})
    return stage


def _bytes_of(stage: StageStatus) -> int:
    plain = plain_bytes(stage.model_dump_json(by_alias=True))
    return json_bytes(stage.model_dump(mode="json", by_alias=True)) if plain is None else plain


def _fitted_attempt(attempt: Attempt, room: Room) -> Attempt:
    shorter = _cut(_without_charges(attempt, room), holder=HOLDER, reason=REASON)
    message = cut_message(attempt.message or "", room.said) or None
    return (
        shorter if message == attempt.message else shorter.model_copy(update={"message": message})
    )


def _without_charges(attempt: Attempt, room: Room) -> Attempt:
    """An attempt that is over was charged for the last time: the sum stands beside the stages."""
    if attempt.ended_at is None:
        return attempt
    told = room.said >= CHARGES_FROM
    gone = ("paid_until",) if told else ("paid_until", "seconds", "flops")
    if all(getattr(attempt, name) is None for name in gone):
        return attempt
    return attempt.model_copy(update=dict.fromkeys(gone))


def _cut(model: M, **most: int) -> M:
    """A model with some of its texts cut."""
    found = {name: (getattr(model, name), bytes_) for name, bytes_ in most.items()}
    shorter = {name: cut(text, bytes_) for name, (text, bytes_) in found.items() if text}
    changed = {k: v for k, v in shorter.items() if v != found[k][0]}
    return model.model_copy(update=changed) if changed else model
