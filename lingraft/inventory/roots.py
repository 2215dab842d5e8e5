"""What is still wanted of a store: by files, by a cluster's resources, by published versions."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.plan import Plan
from lingraft.publish import Place
from lingraft.status import LanguageAdaptationStatus
from lingraft.store import open_store


def resources_in(file: Path) -> list[dict[str, Any]]:
    """The resources in what `kubectl get la -A -o json` printed.

    Raises:
        UserError: It is something else.
    """
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"this is no JSON: {error}", where=str(file)) from error
    items = cast(dict[str, Any], content).get("items") if isinstance(content, dict) else None
    if not isinstance(items, list):
        message = "this is no list of resources; write it with: kubectl get la -A -o json"
        raise UserError(message, where=str(file))
    return cast(list[dict[str, Any]], items)


def refs_of_plan(plan: Plan) -> set[str]:
    """All stages of a plan."""
    return {one.stage.ref for one in plan.stages}


def refs_of_resource(item: dict[str, Any]) -> set[str]:
    """What a cluster's resource follows, and what it was last Ready with."""
    status = LanguageAdaptationStatus.model_validate(item.get("status") or {})
    pinned = refs_of_plan(status.plan.plan) if status.plan else set[str]()
    return pinned | set(status.last_ready)


def refs_of_places(uris: Iterable[str]) -> set[str]:
    """The grafts of all versions that are published."""
    return {one.graft for uri in uris for one in Place(open_store(uri)).versions()}
