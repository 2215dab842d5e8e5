"""The part of the status that counts what is no longer listed."""

from pydantic import Field

from lingraft.status.model import StatusModel


class FormerAttempts(StatusModel):
    """What attempts that are no longer listed one by one leave behind."""

    count: int = Field(default=0, ge=0, description="How many there were.")
    failed: int = Field(
        default=0, ge=0, description="How many of them failed and count towards maxAttempts."
    )
    resource: int = Field(
        default=0, ge=0, description="How many of those failed for memory or disk."
    )
    outside: int = Field(
        default=0, ge=0, description="How many, at their end, failed in a row for a cause outside."
    )
    step: int = Field(default=0, ge=0, description="Updates in their furthest checkpoint.")
    micro_batch_tokens: int | None = Field(
        default=None, ge=1, description="The smallest micro-batch that was too much."
    )
