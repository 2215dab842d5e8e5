"""Why a stage is not cached: what differs from the nearest one that is in the store. Pure."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import Field, computed_field

from lingraft.plan.fields import field_of_param, field_of_source, task_in, task_of_input
from lingraft.plan.model import Plan, PlannedStage
from lingraft.stage import CONTRACT, Contract, Manifest, Stage, StageKind

SHOWN = 3
FIRST = "nothing of this kind is in the store yet"


class Why(Contract):
    """Why one stage has to be computed."""

    because: tuple[str, ...] = Field(description="Stages it reads that are not cached either.")
    changes: tuple[str, ...] = Field(description="What else differs, a few words each.")
    against: str | None = Field(description="`<kind>/<digest>` of the nearest one in the store.")
    since: str | None = Field(description="When that was made, RFC 3339.")

    @computed_field
    @property
    def sentence(self) -> str:
        """For people."""
        if self.against is None:
            return FIRST
        parts = [f"because {', '.join(self.because)} changed"] if self.because else []
        parts += self.changes[:SHOWN]
        if len(self.changes) > SHOWN:
            parts.append(f"and {len(self.changes) - SHOWN} more differences")
        return f"{'; '.join(parts)} (nearest: made {(self.since or '')[:16].replace('T', ' ')})"


def why_not_cached(
    plan: Plan, cached: Container[str], others: Mapping[StageKind, Sequence[Manifest]]
) -> dict[str, Why]:
    """The reason for every stage of a plan that is not cached, by name.

    Args:
        plan: The plan.
        cached: Names of its stages that are done.
        others: Manifests of other stages in the store, by kind.
    """
    return {
        planned.name: _why(plan, planned, cached, others.get(planned.stage.kind, ()))
        for planned in plan.stages
        if planned.name not in cached
    }


def _why(
    plan: Plan, planned: PlannedStage, cached: Container[str], others: Sequence[Manifest]
) -> Why:
    because = tuple(name for name in planned.needs if name not in cached)
    found = [(_changes(plan, planned, cached, one), one) for one in others]
    if not found:
        return Why(because=because, changes=(), against=None, since=None)
    fewest = min(len(changes) for changes, _ in found)
    nearest = [pair for pair in found if len(pair[0]) == fewest]
    changes, other = max(nearest, key=lambda pair: pair[1].created_at)
    # A stage that is not cached itself says what changed; those that read it only name it.
    said = tuple(dict.fromkeys(change for change in changes if change))
    read = {ref for ref in other.stage.inputs.values()}
    because = tuple(name for name in because if plan[name].stage.ref not in read)
    return Why(because=because, changes=said, against=other.stage.ref, since=other.created_at)


def _changes(
    plan: Plan, planned: PlannedStage, cached: Container[str], other: Manifest
) -> list[str]:
    """One entry for each difference; an empty one for an input that is not cached itself."""
    here, there = _tasks_of(planned.stage), _tasks_of(other.stage)
    moved = set(here) ^ set(there)
    found = [f"spec.tasks {'has' if task in here else 'had'} {task}" for task in sorted(moved)]
    if not moved and here != there:
        found.append("spec.tasks stand in another order")
    found += _param_changes(plan, planned, other, moved)
    found += _input_changes(plan, planned, cached, other, moved)
    if other.contract != CONTRACT:
        found.append(f"the contract of lingraft's stages is {CONTRACT}, {other.contract} then")
    return found


def _tasks_of(stage: Stage) -> list[str]:
    """Names of the tasks that a graft evaluates."""
    return [task["name"] for task in stage.params.get("tasks", ())]


def _param_changes(
    plan: Plan, planned: PlannedStage, other: Manifest, moved: Container[str]
) -> Iterator[str]:
    now, then = dict(leaves(planned.stage.params)), dict(leaves(other.stage.params))
    for path in {**now, **then}:
        of_moved = path == "tasks" or task_in(path) in moved
        if now.get(path) != then.get(path) and not of_moved:
            field = field_of_param(plan, planned, path) or f"its parameter {path}"
            yield f"{field} is {_shown(now.get(path))}, {_shown(then.get(path))} then"


def _input_changes(
    plan: Plan,
    planned: PlannedStage,
    cached: Container[str],
    other: Manifest,
    moved: Container[str],
) -> Iterator[str]:
    stages = {one.stage.ref: one.name for one in plan.stages}
    now, then = planned.stage.inputs, other.stage.inputs
    for name in {**now, **then}:
        if now.get(name) == then.get(name) or task_of_input(name) in moved:
            continue
        if name not in now:
            yield f"it read {name} then"
        elif (stage := stages.get(now[name])) is not None:
            yield f"it read another {stage} then" if stage in cached else ""
        else:
            field = field_of_source(plan, planned, name) or name
            yield f"{field} has other content" if name in then else f"{field} is new"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested parameters by its dotted path; items with a name go by that."""
    if isinstance(value, dict):
        for key, one in cast(dict[str, Any], value).items():
            yield from leaves(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(_is_named(one) for one in value):  # pyright: ignore[reportUnknownVariableType]
        for one in cast(list[dict[str, Any]], value):
            yield from leaves(one, f"{path}[{one['name']}]")
    else:
        yield path, value


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value


def _shown(value: Any) -> str:
    if value is None:
        return "unset"
    return f"{value:g}" if isinstance(value, float) else str(value)
