"""When a resource follows what it reads: in the words of Kubernetes' CronJob."""

from pydantic import Field, field_validator

from lingraft.resource.fields import Model
from lingraft.schedule import check_schedule, check_zone


class Refresh(Model):
    """A schedule on which all sources are looked up anew, as CronJob has it.

    Only what changed is computed again, and the last model stays until the new one is done. A run
    that is due while stages are at work waits for their end, as with CronJob's Forbid; of several
    that were missed the last one is made up for.
    """

    schedule: str = Field(
        min_length=1,
        max_length=100,
        description="Minute, hour, day of month, month and day of week, as cron has them, such as "
        "0 2 * * *; or @hourly, @daily, @weekly, @monthly, @yearly.",
    )
    time_zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Time zone of the schedule, such as Europe/Berlin. Default: Etc/UTC.",
    )
    suspend: bool = Field(
        default=False,
        description="While true no run starts; those that were due meanwhile count as missed.",
    )
    starting_deadline_seconds: int | None = Field(
        default=None,
        ge=10,
        le=2**31 - 1,
        description="Seconds after its time until which a missed run is made up for. Default: no "
        "limit.",
    )

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, schedule: str) -> str:
        check_schedule(schedule)
        return schedule

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        if name is not None:
            check_zone(name)
        return name
