"""One machine, or a Ray cluster."""

import os


def one_machine() -> bool:
    """Whether all of a stage's workers are on this machine: KubeRay sets RAY_ADDRESS."""
    return not os.environ.get("RAY_ADDRESS")
