"""One machine, or a Ray cluster."""

import os
import sys


def one_machine() -> bool:
    """Whether all of a stage's workers are on this machine: KubeRay sets RAY_ADDRESS."""
    return not os.environ.get("RAY_ADDRESS")


def ray_runs() -> bool:
    """Whether this process is connected to Ray; one that is not does not load it for that."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()
