"""When what needs somebody is judged again, though nobody has said that it is well: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from lingraft.status import Attempt, Condition, StageStatus

SHORTEST, LONGEST = timedelta(minutes=2), timedelta(hours=1)


def look_again_at(before: Sequence[Condition], now: datetime) -> datetime:
    """When a Stalled resource is judged next: it doubles, for it waits as long as it has waited.

    Args:
        before: The conditions as they were written last.
        now: This moment.
    """
    since = next((c.last_transition_time for c in before if c.type == "Stalled"), now)
    return now + min(max(now - since, SHORTEST), LONGEST)


def wait_after(attempts: Sequence[Attempt]) -> timedelta:
    """How long a stage waits after an attempt that ended for a cause outside: it doubles."""
    in_a_row = 0
    for attempt in reversed(attempts):
        if attempt.failure_class == "outside":
            in_a_row += 1
        elif attempt.failure_class is not None:
            break
    return min(SHORTEST * 2 ** min(max(0, in_a_row - 1), 10), LONGEST)


def needs_somebody(stage: StageStatus) -> Attempt | None:
    """The attempt that says what somebody has to see to, until a later one has got further."""
    if stage.state in ("Done", "Failed", "Running"):
        return None
    over = [one for one in stage.attempts if one.failure_class is not None]
    return over[-1] if over and over[-1].failure_class == "outside" else None
