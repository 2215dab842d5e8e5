"""When what needs somebody is judged again, though nobody has said that it is well: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from lingraft.status import Attempt, Condition, StageStatus

SHORTEST, LONGEST = timedelta(minutes=2), timedelta(hours=1)


def look_again_at(before: Sequence[Condition], now: datetime, which: str = "Stalled") -> datetime:
    """When what needs somebody is judged next: it doubles, it waits as long as it has waited.

    Args:
        before: The conditions as they were written last.
        now: This moment.
        which: Type of the condition that says so: Stalled, or Refreshed while False.
    """
    bad = "False" if which == "Refreshed" else "True"
    found = (one for one in before if one.type == which and one.status == bad)
    since = next((one.last_transition_time for one in found), now)
    return now + min(max(now - since, SHORTEST), LONGEST)


def wait_after(in_a_row: int) -> timedelta:
    """How long a stage waits after so many attempts that ended for a cause outside: it doubles."""
    return min(SHORTEST * 2 ** min(max(0, in_a_row - 1), 10), LONGEST)


def needs_somebody(stage: StageStatus) -> Attempt | None:
    """The attempt that says what somebody has to see to, until a later one has got further."""
    if stage.state in ("Done", "Failed", "Running"):
        return None
    over = [one for one in stage.attempts if one.failure_class is not None]
    return over[-1] if over and over[-1].failure_class == "outside" else None
