"""The four ways a run can fail, and what each means for whoever retries it.

A user error is final until a person changes what they wrote; an outside error waits for somebody
too, but what they wrote may stay: it is tried again now and then; an infrastructure error may be
retried as it is; a resource error may be retried with a smaller micro-batch. The class
of a failure is written to the store (`failure.json`) so that the operator need not guess.
"""

from typing import ClassVar, Literal

FailureClass = Literal["user", "outside", "infrastructure", "resource"]


class LingraftError(Exception):
    """A failure with one sentence for the user.

    Attributes:
        where: The field (`spec.mini.layers`), file or URI at fault, or an empty string.
    """

    failure_class: ClassVar[FailureClass] = "infrastructure"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (Ray); the default would lose the keyword argument.
        return (_rebuild, (type(self), self.message, self.where))


def _rebuild(kind: type[LingraftError], message: str, where: str) -> LingraftError:
    return kind(message, where=where)


class UserError(LingraftError):
    """Something the user must change: what, where and how stand in the message."""

    failure_class: ClassVar[FailureClass] = "user"
    exit_code: ClassVar[int] = 2


class OutsideError(UserError):
    """What a resource needs and does not hold: data that is missing or not as it must be, a right.

    Whoever runs on one machine must see to it; on a cluster somebody else may, at any time.
    """

    failure_class: ClassVar[FailureClass] = "outside"


class TooLargeError(OutsideError):
    """More lies in a bucket than is read of it: the limit stands in the message."""


class UnsuitableStoreError(OutsideError):
    """A server that lacks what stages rely on, such as conditional writes."""


class CredentialsError(OutsideError):
    """An identity that a store refuses, or a clock that is wrong: no input is at fault.

    Who runs on one machine must change it; an operator's is not its tenants' business.
    """


class InfrastructureError(LingraftError):
    """A lost node, an unreachable store: the same stage may well succeed next time."""


class ResourceError(LingraftError):
    """Out of memory (host or device) or disk: less at once may succeed."""

    failure_class: ClassVar[FailureClass] = "resource"


class DiskFullError(ResourceError):
    """Out of disk: a smaller micro-batch does not help."""


class StageBusyError(InfrastructureError):
    """Another holder is writing this stage now, or took it over from us."""


class CorruptArtifactError(InfrastructureError):
    """A file in the store differs from what its manifest says."""
