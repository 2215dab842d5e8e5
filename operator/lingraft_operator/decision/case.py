"""What is decided about, and what a decision is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lingraft.pools import Pool, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PinnedPlan
from lingraft_operator.config import Config
from lingraft_operator.decision.actions import Action
from lingraft_operator.world import Observed, Resource


@dataclass(frozen=True)
class Case:
    """All that a decision about one resource rests on.

    Attributes:
        resource: As it was last seen, with the status as it was last written.
        spec: Its spec, parsed; None where that failed.
        pinned: The plan for its generation; None while there is none, or none that may be read.
        trouble: Why there is no plan, why nothing new may start, or why the store cannot be read.
        observed: Everything else.
        config: The chart's settings.
        now: This moment.
        anew: Whether what waits for a cause outside to go is tried at once.
    """

    resource: Resource
    spec: LanguageAdaptationSpec | None
    pinned: PinnedPlan | None
    trouble: Failure | None
    observed: Observed
    config: Config
    now: datetime
    anew: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do, what to write, when to look again.

    Attributes:
        actions: On RayJobs, in this order.
        status: The new status; the same as before where nothing changed.
        wake_at: When to look again, if no event comes first; None for never.
        waits_for: Pools in which a slot is needed, and how many.
    """

    actions: tuple[Action, ...]
    status: LanguageAdaptationStatus
    wake_at: datetime | None = None
    waits_for: Mapping[PoolName, int] = field(default_factory=dict[PoolName, int])


def pools_of(spec: LanguageAdaptationSpec, config: Config) -> dict[PoolName, Pool]:
    """The chart's pools with the resource's overrides."""
    return {
        "small": config.pools.small.overridden_by(spec.pools.small),
        "large": config.pools.large.overridden_by(spec.pools.large),
    }
