"""What keeps a resource from going on, as its status says it: one word each, for metrics."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

Trouble = Literal[
    "BudgetExceeded",
    "RefreshFails",
    "SetAside",
    "StatusNotWritten",
    "StoreUnavailable",
    "WaitsForEdit",
    "WaitsForOthers",
]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)

NOT_WRITTEN: Trouble = "StatusNotWritten"
"""The only one that no status can say."""
_ALONE: tuple[Trouble, ...] = ("BudgetExceeded", "SetAside")
"""Reasons of Stalled that are told apart from the others."""


def troubles_of(status: Mapping[str, Any]) -> tuple[Trouble, ...]:
    """All that a status says is wrong.

    Args:
        status: As the API has it, of any release of the operator.
    """
    held = {one.get("type"): one for one in status.get("conditions") or ()}
    return tuple(dict.fromkeys(_troubles(status, held)))


def _troubles(
    status: Mapping[str, Any], held: Mapping[Any, Mapping[str, Any]]
) -> Iterable[Trouble]:
    stalled, refreshed = held.get("Stalled"), held.get("Refreshed")
    if any(one.get("reason") == "StoreUnavailable" for one in held.values()):
        yield "StoreUnavailable"
    if refreshed is not None and refreshed.get("status") == "False":
        yield "RefreshFails"
    if stalled is None:
        return
    for trouble in _ALONE:
        if stalled.get("reason") == trouble:
            yield trouble
            return
    yield "WaitsForOthers" if status.get("heals") else "WaitsForEdit"
