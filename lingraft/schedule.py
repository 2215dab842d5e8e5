"""The times of a cron schedule, in CronJob's words: pure.

Around a change of the clock it is Debian's cron: a fixed time that the clock leaves out comes with
the first minute after the gap, one that it has twice comes once, and what is to come every few
minutes or hours goes by the time that passes.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    "[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT",
)


def _field(value: str) -> str:
    one = rf"(?:\*|\?|(?:{value})(?:-(?:{value}))?)(?:/[1-9][0-9]?)?"
    return f"{one}(?:,{one})*"


SCHEDULE = rf"^(?i:{'|'.join(MACROS)}|{' +'.join(_field(value) for value in _FIELDS)})$"
"""For Python and for CEL's RE2. That 5-2 is no range and 30 2 no day, it does not say."""
NO_ZONE = "write the time zone in timeZone, not in the schedule"
NO_SCHEDULE = (
    "write five fields (minute, hour, day of month, month, day of week) such as 0 2 * * *, or one "
    "of " + ", ".join(MACROS)
)
WINDOWS = [timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366)]
"""In which the latest time is looked for, one after the other: few are gone through in vain."""


def check_schedule(schedule: str) -> None:
    """Refuse what is no schedule.

    Raises:
        ValueError: What is wrong, and what to write.
    """
    if "TZ" in schedule:
        raise ValueError(NO_ZONE)
    if not re.fullmatch(SCHEDULE, schedule):
        raise ValueError(NO_SCHEDULE)
    try:
        next_time(schedule, None, datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"no time is ever '{schedule}'; {NO_SCHEDULE}") from error


def check_zone(name: str) -> None:
    """Refuse what is no time zone.

    Raises:
        ValueError: What to write.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"'{name}' is no time zone: write one of the IANA's, such as Europe/Berlin"
        raise ValueError(message) from error


def times(schedule: str, zone: str | None, after: datetime) -> Iterator[datetime]:
    """The times of a schedule after a moment, in UTC.

    Args:
        schedule: One that `check_schedule` took.
        zone: IANA's name; None for UTC.
        after: With a time zone.
    """
    fields = MACROS.get(schedule.lower(), schedule).replace("?", "*")
    start = after.astimezone(ZoneInfo(zone) if zone else UTC)
    # In an hour that comes twice CronSim begins with the first.
    found = (one.astimezone(UTC) for one in CronSim(fields, start))
    return (one for one in found if one > after)


def next_time(schedule: str, zone: str | None, after: datetime) -> datetime:
    """The first time after a moment, in UTC."""
    return next(times(schedule, zone, after))


def latest_time(
    schedule: str, zone: str | None, after: datetime, until: datetime
) -> datetime | None:
    """The last time after one moment and until another, in UTC; None where there is none."""
    for start in [*(until - window for window in WINDOWS), after]:
        latest = None
        for one in times(schedule, zone, max(start, after)):
            if one > until:
                break
            latest = one
        if latest is not None or start <= after:
            return latest
    return None
