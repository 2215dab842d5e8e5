"""Why there is no plan, in the words of conditions: a reason says whose turn it is."""

from lingraft.errors import (
    CredentialsError,
    LingraftError,
    OutsideError,
    TooLargeError,
    UserError,
)
from lingraft.stage import Failure
from lingraft_operator.capacity import TooSmallError
from lingraft_operator.jobs.rayjob import NoRoomError
from lingraft_operator.planning.access import (
    AccessDeniedError,
    NotAllowedError,
    NotConfiguredError,
)


def as_failure(error: LingraftError) -> Failure:
    """Why there is no plan, for conditions: the reason says whose turn it is."""
    # A refused identity is the operator's own, of which no tenant knows.
    away = not isinstance(error, UserError) or isinstance(error, CredentialsError)
    return Failure(
        failure_class="infrastructure" if away else error.failure_class,
        reason="StoreUnavailable" if away else _reason(error),
        message=error.message,
        where=error.where,
    )


def of_store(error: LingraftError) -> Failure:
    """Why the store of a plan cannot be read: somebody's doing, or it answers again by itself."""
    large = isinstance(error, TooLargeError)
    return Failure(
        failure_class="outside" if large else "infrastructure",
        reason="TooLarge" if large else "StoreUnavailable",
        message=error.message,
        where=error.where,
    )


def not_by_an_edit(failure: Failure) -> Failure:
    """A failure of what was planned once: nothing was edited since, so the cause lies outside."""
    if failure.failure_class != "user":
        return failure
    return failure.model_copy(update={"failure_class": "outside", "reason": "NoLongerValid"})


def _reason(error: LingraftError) -> str:
    if isinstance(error, TooLargeError):
        return "TooLarge"
    if isinstance(error, AccessDeniedError):
        return "AccessDenied"
    if isinstance(error, NotAllowedError):
        return "NotAllowed"
    if isinstance(error, NotConfiguredError):
        return "NotConfigured"
    if isinstance(error, NoRoomError):
        return "PlanTooLarge"
    if isinstance(error, TooSmallError):
        return "PoolTooSmall"
    return "InputUnavailable" if isinstance(error, OutsideError) else "InvalidSpec"
