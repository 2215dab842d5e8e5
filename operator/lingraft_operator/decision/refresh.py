"""When all sources are looked up anew, and what is remembered of it: pure.

By hand (the annotation lingraft.dev/refresh) at once; by `spec.refresh` as CronJob has it, with
Forbid: a run that is due while stages are at work waits for their end, and of several that were
missed the last one is made up for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lingraft.resource import LanguageAdaptationSpec
from lingraft.resource.refresh import Refresh
from lingraft.schedule import latest_time, next_time
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PinnedPlan, RefreshStatus
from lingraft_operator.decision.healing import look_again_at
from lingraft_operator.world import Resource

MISSED = "MissedSchedule"
MOST_NAMES = 6
"""That a sentence lists."""
LONGEST_ASKED = 250
"""Of an annotation's value, which may be long."""


@dataclass(frozen=True)
class Look:
    """That everything is looked up anew now.

    Attributes:
        due: The time of the schedule that is obeyed by it, if any.
    """

    due: datetime | None = None


@dataclass(frozen=True)
class Looked:
    """What a look found.

    Attributes:
        look: Why there was one.
        at: When.
        pinned: The plan to follow from now on; None where the look failed.
        changed: Fields whose sources are others than before.
        stages: Names of the stages that follow from them.
        failure: Why it failed.
    """

    look: Look
    at: datetime
    pinned: PinnedPlan | None = None
    changed: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        start = f"looked up at {self.at:%Y-%m-%d %H:%M} UTC"
        if self.failure is not None:
            where = f"{self.failure.where}: " if self.failure.where else ""
            return f"{start}: {where}{self.failure.message}"
        if not self.changed:
            return f"{start}: nothing changed"
        return f"{start}: {_listed(self.changed)} changed; new are {_listed(self.stages)}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def wanted(
    resource: Resource, spec: LanguageAdaptationSpec, now: datetime, *, anew: bool
) -> Look | None:
    """Whether everything is to be looked up anew in this pass.

    Args:
        resource: With a plan of its generation.
        spec: Its spec.
        now: This moment.
        anew: Whether what failed before is tried at once.
    """
    status, pinned = resource.status, resource.status.plan
    known = status.refresh or RefreshStatus()
    by_hand = pinned is not None and pinned.refresh != resource.refresh
    due = due_time(spec, status, now)
    if due is not None and _is_missed(spec, due, now):
        due = None
    again = known.retry_time is not None and (anew or known.retry_time <= now)
    if by_hand and (again or known.asked != resource.refresh[:LONGEST_ASKED]):
        return Look(due)
    if at_work(status) or not (due is not None or again):
        return None
    return Look(due)


def at_work(status: LanguageAdaptationStatus) -> bool:
    """Whether stages of the plan go on by themselves: then a run of the schedule waits."""
    going = any(stage.state in ("Queued", "Starting", "Running") for stage in status.stages)
    followed = any(c.type == "Refreshed" and c.status == "Unknown" for c in status.conditions)
    return going or followed or status.phase in ("Pending", "Running")


def due_time(
    spec: LanguageAdaptationSpec, status: LanguageAdaptationStatus, now: datetime
) -> datetime | None:
    """The latest time of the schedule that came, and that no look has served."""
    refresh, known = spec.refresh, status.refresh
    if refresh is None or refresh.suspend or spec.suspend or known is None:
        return None
    if known.schedule != _text(refresh):
        return None
    served = [known.since, known.last_schedule_time, known.last_successful_time]
    after = max((one for one in served if one is not None and one <= now), default=now)
    return latest_time(refresh.schedule, refresh.time_zone, after, now)


def _is_missed(spec: LanguageAdaptationSpec, due: datetime, now: datetime) -> bool:
    deadline = spec.refresh.starting_deadline_seconds if spec.refresh is not None else None
    return deadline is not None and now - due > timedelta(seconds=deadline)


def _text(refresh: Refresh) -> str:
    return f"{refresh.schedule} {refresh.time_zone or 'Etc/UTC'}"


def remembered(
    resource: Resource, spec: LanguageAdaptationSpec | None, looked: Looked | None, now: datetime
) -> RefreshStatus | None:
    """What stands in the status of it, after this pass."""
    known, refresh = resource.status.refresh, spec.refresh if spec is not None else None
    if spec is None or (known is None and refresh is None and looked is None):
        return known
    known = known or RefreshStatus()
    if refresh is None:
        known = known.model_copy(update={"schedule": "", "since": None})
    elif known.schedule != _text(refresh) or (known.since is not None and known.since > now):
        known = known.model_copy(update={"schedule": _text(refresh), "since": now})
    if looked is not None:
        known = _after_look(resource, known, looked, now)
    elif (due := due_time(spec, resource.status, now)) is not None and _is_missed(spec, due, now):
        words = f"the run of {due:%Y-%m-%d %H:%M} UTC was missed: startingDeadlineSeconds are over"
        known = known.model_copy(update={"reason": MISSED, "found": words})
    following = None
    if refresh is not None and not (refresh.suspend or spec.suspend):
        following = next_time(refresh.schedule, refresh.time_zone, now)
    return known.model_copy(update={"next_schedule_time": following})


def _after_look(
    resource: Resource, known: RefreshStatus, looked: Looked, now: datetime
) -> RefreshStatus:
    update: dict[str, object] = {
        "asked": resource.refresh[:LONGEST_ASKED],
        "found": looked.sentence,
        "reason": looked.failure.reason if looked.failure is not None else "",
        "retry_time": None,
    }
    if looked.look.due is not None:
        update["last_schedule_time"] = looked.look.due
    if looked.failure is None:
        update["last_successful_time"] = looked.at
    else:
        update["retry_time"] = look_again_at(resource.status.conditions, now, "Refreshed")
    return known.model_copy(update=update)


def wake_time(
    spec: LanguageAdaptationSpec | None,
    before: LanguageAdaptationStatus,
    after: LanguageAdaptationStatus,
    now: datetime,
) -> datetime | None:
    """When the next look may be wanted: at once, where this pass was the first that allows one."""
    known = after.refresh
    if spec is None or spec.suspend or known is None:
        return None
    generation = after.observed_generation
    first = _allowed(after, generation) and not _allowed(before, generation)
    at_once = first and due_time(spec, after, now) is not None
    times = (known.next_schedule_time, known.retry_time, now if at_once else None)
    return min((one for one in times if one is not None), default=None)


def _allowed(status: LanguageAdaptationStatus, generation: int) -> bool:
    """Whether a run of the schedule may start: there is a plan, and nothing of it is at work."""
    planned = status.plan is not None and status.plan.generation == generation
    return planned and not at_work(status)
