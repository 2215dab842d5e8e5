"""The attempts of a stage: opened, closed, counted; pure functions of its status."""

from datetime import datetime

from lingraft.resource import Retry
from lingraft.status import Attempt, StageStatus
from lingraft_operator.decision.failures import NEVER_RAN, ending_of, never_ran
from lingraft_operator.decision.past import Past, forgiven, kept_before
from lingraft_operator.status.texts import MESSAGE_BYTES, cut_message
from lingraft_operator.world import Ending, Observed, RayJob


def with_attempts(
    stage: StageStatus, rayjob: RayJob | None, observed: Observed, *, uid: str, now: datetime
) -> StageStatus:
    """Open an attempt for a RayJob that is new here, close one that is over.

    Args:
        stage: As it stands in the status.
        rayjob: The one with the stage's name, if there is one.
        observed: What is left of attempts that are over.
        uid: Of the resource: only what it owns is its attempt.
        now: When ends were seen.
    """
    last = stage.attempts[-1] if stage.attempts else None
    same = rayjob is not None and last is not None and rayjob.uid == last.uid
    if last is not None and last.ended_at is None:
        gone = rayjob if same else None
        if gone is None or gone.finished:
            ending = ending_of(last, gone, observed, kept=kept_before(stage))
            if ending.reason == NEVER_RAN:
                ending = never_ran(ending, stage)
            stage = ended(stage, ending, observed, now)
    if rayjob is None or not rayjob.owned_by(uid):
        return stage
    if same and last is not None:
        if last.ended_at is None or last.failure_class is not None or rayjob.finished:
            return stage
        # It was left, and is wanted again before it went.
        again = last.model_copy(update={"ended_at": None, "reason": None, "counted": True})
        return stage.model_copy(update={"attempts": (*stage.attempts[:-1], again)})
    opened = Attempt(
        number=last.number + 1 if last else 1,
        ray_job=rayjob.name,
        uid=rayjob.uid,
        holder=rayjob.holder,
        micro_batch_tokens=rayjob.micro_batch_tokens,
        started_at=rayjob.created_at,
    )
    stage = stage.model_copy(update={"attempts": (*stage.attempts, opened)})
    if rayjob.finished:
        ending = ending_of(opened, rayjob, observed, kept=kept_before(stage))
        stage = ended(stage, ending, observed, now)
    return stage


def ended(stage: StageStatus, ending: Ending, observed: Observed, now: datetime) -> StageStatus:
    """Close the last attempt."""
    last = stage.attempts[-1]
    closed = last.model_copy(
        update={
            "ended_at": now,
            "step": observed.checkpoints.get(last.holder, last.step),
            "failure_class": ending.failure_class,
            "reason": ending.reason,
            "message": cut_message(ending.message, MESSAGE_BYTES),
            # What lies outside may heal: it uses up no attempt.
            "counted": ending.counted and ending.failure_class != "outside",
        }
    )
    return stage.model_copy(update={"attempts": (*stage.attempts[:-1], closed)})


def is_final(past: Past, retry: Retry) -> bool:
    """Whether no further attempt is allowed."""
    return past.user or past.resource > 1 or past.failed >= retry.max_attempts


def reset(stage: StageStatus) -> StageStatus:
    """Forget what was counted: a new generation, or a new value of lingraft.dev/retry."""
    past = tuple(
        attempt.model_copy(update={"counted": False}) if attempt.ended_at else attempt
        for attempt in stage.attempts
    )
    former = forgiven(stage.former_attempts)
    return stage.model_copy(update={"attempts": past, "former_attempts": former})


def left(stage: StageStatus, why: str, now: datetime) -> StageStatus:
    """The stage after its RayJob was left on purpose."""
    last = stage.attempts[-1] if stage.attempts else None
    attempts = stage.attempts
    if last is not None and last.ended_at is None:
        closed = {"ended_at": now, "reason": why, "counted": False}
        attempts = (*attempts[:-1], last.model_copy(update=closed))
    cleared = dict.fromkeys(("ray_job", "dashboard_url", "progress", "eta", "not_before"))
    waiting = {"state": "Waiting", "reason": "", "message": "", "attempts": attempts}
    return stage.model_copy(update=cleared | waiting) if stage.state != "Done" else stage
