"""From a resource to its DAG of stages: pure, and the same on a laptop and on a cluster.

`plan` is given everything it needs to know of the world (the pinned sources and the base's
shape) and only computes: which stages, with which parameters, under which digests, at what
cost. `lingraft.planning` looks the world up.
"""

from lingraft.plan.build import plan
from lingraft.plan.model import Plan, PlannedStage
from lingraft.plan.readings import readings

__all__ = ["Plan", "PlannedStage", "plan", "readings"]
