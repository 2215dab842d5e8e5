"""What can be done about RayJobs: decided by `reconcile`, done by `apply`."""

from dataclasses import dataclass

from lingraft.plan import PlannedStage
from lingraft.pools import PoolName
from lingraft_operator.world import RayJob


@dataclass(frozen=True)
class Launch:
    """Create the stage's RayJob."""

    planned: PlannedStage
    pool: PoolName
    micro_batch_tokens: int
    superseded: tuple[str, ...] = ()
    """Former holders that have certainly ended: their leases need not expire."""


@dataclass(frozen=True)
class Join:
    """Become one of a RayJob's owners."""

    rayjob: RayJob


@dataclass(frozen=True)
class Leave:
    """Be none of its owners any more; the last one deletes it."""

    rayjob: RayJob


@dataclass(frozen=True)
class Delete:
    """End it, whoever else wants it: it has failed, or makes room for the next attempt."""

    rayjob: RayJob


Action = Launch | Join | Leave | Delete
