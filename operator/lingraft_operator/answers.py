"""What the API server's answers mean where they are not what was asked for."""

# The kubernetes package has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
import json

from kubernetes.client import ApiException


class Conflict(Exception):
    """The object changed, went or appeared since it was seen: look again."""


class Unavailable(Exception):
    """The API server is away, starts, or is overloaded: the same call may pass later."""


class Missing(Unavailable):
    """Nothing can be made: its kind, or its namespace, is not there."""


class Refused(Exception):
    """The API server does not take an object: an admission rule, a quota, a bad value.

    Attributes:
        invalid: The object can never be taken as it is.
    """

    def __init__(self, message: str, *, invalid: bool) -> None:
        super().__init__(message)
        self.invalid = invalid


def fault(method: str, error: ApiException) -> Exception:
    """Our own word for what the API server answered."""
    try:
        message = str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        message = str(error.reason)
    if error.status == 404 and method == "POST":  # else a CRD that went would be asked for at once
        return Missing(f"404 {message}")
    if error.status in (404, 409):
        return Conflict(message)
    if error.status in (400, 403, 422):
        return Refused(message, invalid=error.status in (400, 422))
    return Unavailable(f"{error.status} {message}")
