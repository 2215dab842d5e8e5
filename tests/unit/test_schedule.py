"""Times of cron schedules: as CronJob writes them, across changes of the clock."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.schedule import (
    MACROS,
    NO_SCHEDULE,
    NO_ZONE,
    SCHEDULE,
    check_schedule,
    check_zone,
    latest_time,
    next_time,
    times,
)

BERLIN = "Europe/Berlin"
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
TAKEN = ["0 2 * * *", "*/5 0-3,22 ? JAN-mar Mon", "59 23 31 12 7", "0 0 29 2 *", *MACROS, "@Daily"]
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
schedules = st.sampled_from(["0 2 * * *", "30 2 * * *", "*/20 * * * *", "@weekly", "@monthly"])
zones = st.sampled_from([None, BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


def of(schedule: str, after: datetime, count: int = 3, zone: str | None = BERLIN) -> list[str]:
    found = islice(times(schedule, zone, after), count)
    return [f"{one:%d %H:%M}" for one in found]


@pytest.mark.parametrize("schedule", TAKEN)
def test_what_cronjob_takes_is_taken(schedule: str) -> None:
    check_schedule(schedule)


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("TZ=Europe/Berlin 0 2 * * *", NO_ZONE),
        ("CRON_TZ=UTC @daily", NO_ZONE),
        ("@every 1h", NO_SCHEDULE),
        ("0 0 2 * * *", NO_SCHEDULE),
        ("60 2 * * *", NO_SCHEDULE),
        ("0 2 * * MON#1", NO_SCHEDULE),
        ("0 5-2 * * *", "no time is ever '0 5-2 * * *'"),
        ("0 0 30 2 *", "no time is ever '0 0 30 2 *'"),
    ],
)
def test_what_is_no_schedule_is_refused_in_a_sentence(schedule: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_schedule(schedule)


@given(st.from_regex(SCHEDULE.replace("$", r"\Z")).filter(lambda text: len(text) <= 100))
def test_what_the_api_server_takes_ends_in_times_or_a_sentence(schedule: str) -> None:
    try:
        check_schedule(schedule)
    except ValueError as error:
        assert NO_SCHEDULE in str(error)
    else:
        assert next_time(schedule, BERLIN, SPRING) > SPRING


@pytest.mark.parametrize("name", ["Local", "Europe", "../etc/passwd", "Mars/Base", "/etc"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        check_zone(name)
    check_zone(BERLIN)


def test_a_time_that_the_clock_leaves_out_comes_after_the_gap() -> None:
    assert of("30 2 * * *", SPRING) == ["29 01:00", "30 00:30", "31 00:30"]
    assert of("30 3 * * *", SPRING) == ["29 01:30", "30 01:30", "31 01:30"]


def test_a_time_that_the_clock_has_twice_comes_once() -> None:
    assert of("30 2 * * *", AUTUMN) == ["25 00:30", "26 01:30", "27 01:30"]
    between = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 2:15 for the second time
    assert of("30 2 * * *", between, 1) == ["26 01:30"]
    assert latest_time("30 2 * * *", BERLIN, AUTUMN, between) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_what_comes_every_hour_goes_by_the_time_that_passes() -> None:
    for start in (SPRING, AUTUMN):
        found = list(islice(times("@hourly", BERLIN, start), 24))
        assert found == [start + timedelta(hours=n) for n in range(1, 25)]


@given(schedules, zones, moments, st.integers(0, 100))
def test_the_latest_time_is_the_last_one_of_those_between(
    schedule: str, zone: str | None, after: datetime, days: int
) -> None:
    until = after + timedelta(days=days, hours=days % 24)
    most = islice(times(schedule, zone, after), 8000)
    between = list(takewhile(lambda one: one <= until, most))
    assert latest_time(schedule, zone, after, until) == (between[-1] if between else None)
    assert between == sorted(set(between)) and all(one > after for one in between)
