"""Ray for this process: the cluster it was submitted to, or a small one of its own."""

import os

import ray


def start_ray() -> None:
    """Connect to the cluster in RAY_ADDRESS (KubeRay sets it), or start Ray on this machine.

    One of our own has no dashboard, and its parts talk over loopback. Does nothing where Ray
    is running already.
    """
    if ray.is_initialized():
        return
    if address := os.environ.get("RAY_ADDRESS"):
        ray.init(address=address)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        address="local",
        include_dashboard=False,
        configure_logging=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
