"""The part of the status that says how a resource follows its sources."""

from datetime import datetime

from pydantic import Field

from lingraft.status.model import StatusModel


class RefreshStatus(StatusModel):
    """When sources were looked up anew, and when they will be. All times are UTC."""

    schedule: str = Field(
        default="", description="Schedule and time zone that nextScheduleTime is of."
    )
    since: datetime | None = Field(
        default=None, description="When the schedule was first seen: no earlier time counts."
    )
    next_schedule_time: datetime | None = Field(
        default=None, description="When the next run is due; absent while nothing may run."
    )
    last_schedule_time: datetime | None = Field(
        default=None, description="When the last run was due that was started."
    )
    last_successful_time: datetime | None = Field(
        default=None, description="When all sources were last looked up anew, and found."
    )
    retry_time: datetime | None = Field(
        default=None, description="When they are looked up again, after that failed."
    )
    asked: str = Field(
        default="", description="Value of the annotation lingraft.dev/refresh that was tried last."
    )
    found: str = Field(default="", description="What the last look found, in a sentence.")
    reason: str = Field(
        default="", description="Why the last look failed, or was missed, in CamelCase."
    )
