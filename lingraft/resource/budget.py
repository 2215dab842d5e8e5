"""What a resource may spend."""

from typing import Self

from pydantic import Field, model_validator

from lingraft.resource.fields import Model

ONE_UNIT = "set at least one of flops, deviceHours and cost"


class Cost(Model):
    """An amount of money."""

    amount: float = Field(gt=0, le=1e15, description="How much.")
    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code, as the pools' prices."
    )


class Budget(Model):
    """What all attempts of a resource together may spend, in one unit or several.

    The first that is used up stops it as suspend does, and it goes on once that is raised. A stage
    that resources share is paid for by whichever launched it.
    """

    flops: float | None = Field(
        default=None,
        gt=0,
        description="Floating-point operations, by formula. On one machine: of one run.",
    )
    device_hours: float | None = Field(
        default=None,
        gt=0,
        le=1e12,
        description="Hours of GPUs, or of cores without GPUs, while trainers are at work. Unused "
        "on one machine.",
    )
    cost: Cost | None = Field(
        default=None,
        description="Hours of workers times their pool's price, which must be known. Unused on one "
        "machine.",
    )

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if self.flops is None and self.device_hours is None and self.cost is None:
            raise ValueError(ONE_UNIT)
        return self
