"""Statuses as other releases of the operator leave them behind."""

import json
from collections.abc import Callable
from typing import Any, cast

from lingraft.plan import PlannedStage
from lingraft.status.reading import read_status

Status = dict[str, Any]


def with_unknown_fields(status: Status) -> Status:
    """A newer release has fields more, at every level; but in the plan's text."""

    def more(value: Any) -> Any:
        if isinstance(value, list):
            return [more(one) for one in cast(list[Any], value)]
        if not isinstance(value, dict):
            return value
        fields = {name: more(one) for name, one in cast(Status, value).items()}
        return fields if "taskModels" in fields else fields | {"unheardOf": {"since": "1.9"}}

    return more(status)


def with_unknown_values(status: Status) -> Status:
    """It has phases, conditions, states and classes more, and a field of another kind."""
    changed = json.loads(json.dumps(status))
    changed["phase"] = "Pausing"
    changed["heals"] = {"after": 5}
    changed["conditions"] = [
        *changed.get("conditions", ()),
        {**changed["conditions"][0], "type": "BudgetLeft"},
        {**changed["conditions"][0], "type": "Another", "status": "Mostly"},
    ]
    for stage in changed.get("stages", ()):
        stage["state"] = "Checkpointing"
        stage["progress"] = "half"
        for attempt in stage.get("attempts", ()):
            if attempt.get("failureClass") == "outside":
                attempt["failureClass"] = "quota"
    return changed


def with_unreadable_plan(status: Status) -> Status:
    """Its plans have a field more."""
    changed = json.loads(json.dumps(status))
    if "plan" in changed:
        content = json.loads(changed["plan"]["content"])
        for stage in content["stages"]:
            stage["zone"] = "b"
        changed["plan"] |= {"content": json.dumps(content), "contract": 9, "trainerImage": "newer"}
    return changed


def of_contract_1(status: Status) -> Status:
    """The release before planned it, and has not begun."""
    changed = json.loads(json.dumps(status))
    pinned = read_status(status).plan
    plan = pinned.readable if pinned is not None else None
    if pinned is None or plan is None or pinned.contract == 1:
        return changed
    refs: dict[str, str] = {}
    stages: list[PlannedStage] = []
    for planned in plan.stages:
        inputs = {name: refs.get(ref, ref) for name, ref in planned.stage.inputs.items()}
        then = planned.stage.model_copy(update={"inputs": inputs, "contract": 1})
        refs[planned.stage.ref] = then.ref
        stages.append(planned.model_copy(update={"stage": then}))
    content = plan.model_copy(update={"stages": tuple(stages)}).model_dump_json(by_alias=True)
    changed["plan"] |= {"contract": 1, "trainerImage": "old", "content": content}
    changed.pop("stages", None)
    return changed


CHANGES: dict[str, Callable[[Status], Status]] = {
    "fields": with_unknown_fields,
    "values": with_unknown_values,
    "an unreadable plan": with_unreadable_plan,
    "a plan of contract 1": of_contract_1,
}
