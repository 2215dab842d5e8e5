"""Ray for this process: the cluster it was submitted to, or a small one of its own.

One of our own is not reachable from outside. Ray binds its servers to the address it
believes the node has, and turns 127.0.0.1 into a reachable one even where it is asked for.
Only where clusters are switched off, as on macOS and Windows, does it stay on loopback.
"""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray._private import ray_constants

from lingraft.errors import InfrastructureError


def start_ray() -> None:
    """Connect to the cluster in RAY_ADDRESS (KubeRay sets it), or start Ray on this machine.

    One of our own has no dashboard, and its parts listen on loopback only. Does nothing where
    Ray is running already.

    Raises:
        InfrastructureError: Ray did not start; of one of our own, twice.
    """
    if ray.is_initialized():
        return
    if address := os.environ.get("RAY_ADDRESS"):
        _init(address=address)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # The variable is for the processes Ray starts; this one has read it already.
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False
    ours = {"include_dashboard": False, "configure_logging": False, "log_to_driver": False}
    try:
        _init(address="local", **ours)
    except InfrastructureError:  # Ray gives its node 30 s, which a busy machine may not have
        _init(address="local", **ours)


def _init(**settings: Any) -> None:
    ours, before = signal.getsignal(signal.SIGTERM), _children()
    try:
        ray.init(**settings)
    except Exception as error:  # of many kinds, by what did not come up
        # What did come up has nobody to end it.
        for pid in _children() - before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise InfrastructureError(f"Ray did not start: {error}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ours)  # Ray's aborts the process


def _children() -> set[int]:
    """Processes that this one started and that run."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for one in lists for pid in one.read_text().split()}


def loopback_config() -> Any:
    """Ray Train's torch settings without a process group, which `join` makes instead."""
    from ray.train.backend import Backend
    from ray.train.torch import TorchConfig

    class Loopback(TorchConfig):
        @property
        def backend_cls(self) -> Any:  # TorchConfig says _TorchBackend
            return Backend

    return Loopback()


def join(rendezvous: str, rank: int, world: int) -> None:
    """Make the process group of one machine's workers.

    They meet in a file, for torch's own meeting place (TCPStore) listens on every interface.

    Args:
        rendezvous: Path of a file that does not exist yet.
        rank: This worker's number.
        world: How many there are.
    """
    loopback = "lo" if Path("/sys/class/net/lo").exists() else "lo0"
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
    os.environ["LOCAL_WORLD_SIZE"] = str(world)
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=world,
    )
