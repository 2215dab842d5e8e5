"""The part of the status that says what a resource spent, and what is left of its budget."""

from pydantic import Field

from lingraft.status.model import StatusModel


class Money(StatusModel):
    """An amount in one currency."""

    amount: float = Field(ge=0, description="How much.")
    currency: str = Field(description="ISO 4217 code.")


class Spent(StatusModel):
    """What all attempts of this resource spent, failed ones included."""

    flops: float = Field(default=0.0, ge=0, description="Floating-point operations, by formula.")
    device_hours: float = Field(
        default=0.0, ge=0, description="Hours of GPUs, or of cores without GPUs."
    )
    cost: tuple[Money, ...] = Field(
        default=(), description="Hours of workers times the price of then, by currency."
    )


class Left(StatusModel):
    """What is left of the budget, in its units."""

    flops: float | None = Field(default=None, ge=0, description="Floating-point operations.")
    device_hours: float | None = Field(default=None, ge=0, description="Hours of devices.")
    cost: Money | None = Field(default=None, description="Money.")


class BudgetStatus(StatusModel):
    """Spending. Whoever launched a shared stage pays for it; what others did costs nothing."""

    spent: Spent = Field(default=Spent(), description="By all attempts, failed ones included.")
    left: Left | None = Field(default=None, description="Of spec.budget, where there is one.")
    used: str = Field(
        default="", description="Share of the budget that is spent, of the unit that is scarcest."
    )
