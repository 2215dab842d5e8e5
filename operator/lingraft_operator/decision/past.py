"""What is behind a stage, whether its attempts are still listed or only counted: pure."""

from dataclasses import dataclass

from lingraft.status import Attempt, FormerAttempts, StageStatus
from lingraft_operator.decision.failures import NOT_THE_BATCH

NOTHING = FormerAttempts()


@dataclass(frozen=True)
class Past:
    """The attempts of a stage as decisions see them.

    Attributes:
        failed: How many failed and count.
        resource: How many of those failed for memory or disk.
        user: Whether one failed for what the user wrote.
        outside: How many, the last ones, failed in a row for a cause outside.
        micro_batch_tokens: The smallest micro-batch that was too much; None: none was.
    """

    failed: int
    resource: int
    user: bool
    outside: int
    micro_batch_tokens: int | None


def past_of(stage: StageStatus) -> Past:
    """All of a stage's attempts."""
    former = stage.former_attempts or NOTHING
    full = counted_in(former, stage.attempts)
    return Past(
        failed=full.failed,
        resource=full.resource,
        user=any(one.counted and one.failure_class == "user" for one in stage.attempts),
        outside=full.outside,
        micro_batch_tokens=full.micro_batch_tokens,
    )


def last_failure(stage: StageStatus) -> tuple[str, str]:
    """Reason and message of the last failure that counts, or of the last attempt."""
    failed = [one for one in stage.attempts if one.counted and one.failure_class is not None]
    last = (failed or list(stage.attempts))[-1]
    return last.reason or "Failed", last.message or ""


def kept_before(stage: StageStatus) -> int:
    """Updates that were in a checkpoint before the last attempt."""
    former = stage.former_attempts or NOTHING
    return max(former.step, *(attempt.step or 0 for attempt in stage.attempts[:-1]), 0)


def counted_in(former: FormerAttempts, attempts: tuple[Attempt, ...]) -> FormerAttempts:
    """Attempts added to those that were counted before them."""
    failed = [one for one in attempts if one.counted and one.failure_class is not None]
    resource = [one for one in failed if one.failure_class == "resource"]
    too_much = [one.micro_batch_tokens for one in resource if one.reason not in NOT_THE_BATCH]
    if former.micro_batch_tokens is not None:
        too_much.append(former.micro_batch_tokens)
    return FormerAttempts(
        count=former.count + len(attempts),
        failed=former.failed + len(failed),
        resource=former.resource + len(resource),
        outside=_in_a_row(former.outside, attempts),
        step=max(former.step, *(one.step or 0 for one in attempts), 0),
        micro_batch_tokens=min(too_much, default=None),
    )


def _in_a_row(before: int, attempts: tuple[Attempt, ...]) -> int:
    """Ends for a cause outside since the last end of another kind; what was left ended nothing."""
    ended = [one.failure_class for one in attempts if one.failure_class is not None]
    for back, failure_class in enumerate(reversed(ended)):
        if failure_class != "outside":
            return back
    return before + len(ended)


def forgiven(former: FormerAttempts | None) -> FormerAttempts | None:
    """What was counted does not count any more: a new generation, or a retry that was asked for."""
    if former is None:
        return None
    return former.model_copy(update={"failed": 0, "resource": 0, "micro_batch_tokens": None})
