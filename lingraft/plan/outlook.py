"""What `lingraft plan` says of a plan beside its stages: costs, time, and why work is left."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from lingraft.memory import Memory
from lingraft.plan.costs import Costs, costs_of
from lingraft.plan.estimate import Estimate, estimate
from lingraft.plan.memory import memory_by_stage
from lingraft.plan.model import Plan
from lingraft.plan.why import Why, why_not_cached
from lingraft.stage import Contract, Manifest, StageKind


class History(NamedTuple):
    """What a store holds beside a plan; `lingraft.history` looks it up."""

    others: dict[StageKind, list[Manifest]]
    """Manifests of the kinds that the plan has still to compute."""
    checkpoints: dict[str, int]
    """Updates that are done already of a stage that is not, by its name."""


class Outlook(Contract):
    """Everything that follows from a plan and its store."""

    cached: tuple[str, ...] = Field(description="Names of the stages that are done.")
    why: dict[str, Why] = Field(description="By stage: why it is not cached.")
    checkpoints: dict[str, int] = Field(description="By stage: updates that a checkpoint has.")
    costs: Costs
    time: Estimate
    memory: dict[str, Memory] = Field(
        description="By stage: bytes of one worker without a GPU, by formula."
    )


def outlook(plan: Plan, done: Mapping[str, Manifest], history: History) -> Outlook:
    """The outlook of a plan.

    Args:
        plan: The plan.
        done: Manifests of its stages that are done, by name.
        history: What else is in its store.
    """
    others = [manifest for found in history.others.values() for manifest in found]
    return Outlook(
        cached=tuple(sorted(done)),
        why=why_not_cached(plan, done, history.others),
        checkpoints=history.checkpoints,
        costs=costs_of(plan),
        time=estimate(plan, done, [*done.values(), *others]),
        memory=memory_by_stage(plan),
    )
