"""Plans of which a pool's worker cannot hold a stage, by formula: refused when they are made."""

from lingraft.errors import OutsideError, UserError
from lingraft.plan import Plan
from lingraft.plan.capacity import check_pools
from lingraft.planning import manifests_of
from lingraft.pools import Pools
from lingraft.resource import LanguageAdaptationSpec
from lingraft_operator.config import Config
from lingraft_operator.jobs.podspec import FALLBACK


class TooSmallError(OutsideError):
    """A pool of the chart's cannot hold a stage: whoever runs the cluster may change it."""


def check_memory(plan: Plan, spec: LanguageAdaptationSpec, config: Config) -> None:
    """Refuse a plan that its pools cannot hold.

    Raises:
        UserError: The resource says itself how much memory the pool has.
        TooSmallError: The chart does.
        InfrastructureError: The store did not say what is there already.
    """
    pools = Pools(
        small=FALLBACK.overridden_by(config.pools.small).overridden_by(spec.pools.small),
        large=FALLBACK.overridden_by(config.pools.large).overridden_by(spec.pools.large),
    )
    try:
        check_pools(plan, pools)
    except UserError:  # what is cached already has to be held by nobody: seldom worth a look
        try:
            check_pools(plan, pools, manifests_of(plan))
        except UserError as error:
            own = spec.pools.large if ".large." in error.where else spec.pools.small
            if own is not None and own.memory is not None:
                raise
            raise TooSmallError(error.message, where=error.where) from error
