"""Nodes of a Ray cluster as KubeRay makes them: each with processes of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.sockets import descendants
from tests.support.stages import import_path, wait_until

needs_loopback = pytest.mark.skipif(
    [name for _, name in socket.if_nameindex()] != ["lo"],
    reason="`ray start` listens on every interface: run it through tools/loopback.sh",
)
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # a local Ray of this process switches them off
    "RAY_AUTH_MODE": "token",  # so does the operator's RayJob
    "RAY_AUTH_TOKEN": "a-token-for-tests",
}
HIDDEN = "driver"
"""The driver's folder for temporary files, which is empty on the other node."""


@contextmanager
def node(
    folder: Path, ip: str, *options: str, hide: bool = False, **environment: str
) -> Iterator[tuple[str, int]]:
    """A Ray node that is up: what it printed, and the id of its first process."""
    command = [str(Path(sys.executable).with_name("ray")), "start", "--block"]
    command += [f"--node-ip-address={ip}", "--disable-usage-stats", *options]
    if hide:
        script = 'mount -t tmpfs none "$1"; shift; exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder / HIDDEN), *command]
    log = folder / f"{ip}.log"
    with log.open("w") as stream:
        running = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | SETTINGS | {"PYTHONPATH": import_path()} | environment,
        )
    try:
        wait_until(lambda: "block forever" in log.read_text(), running=running)
        yield log.read_text(), running.pid
    finally:
        started = descendants(running.pid)
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(20)
        for number in started:  # what Ray itself has not ended
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        running.wait()


@contextmanager
def head(folder: Path, port: int = 0) -> Iterator[tuple[str, int]]:
    """A head that is up, without CPUs and dashboard: its address, and its first process's id."""
    (folder / HIDDEN).mkdir(exist_ok=True)
    options = ["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"]
    with node(folder, "127.0.0.1", *options, f"--temp-dir={folder}/ray") as (printed, number):
        found = re.search(r"--address='(\S+)'", printed)
        assert found, printed
        yield found[1], number


@contextmanager
def workers(
    folder: Path, address: str, ip: str = "127.0.0.2", *options: str, **environment: str
) -> Iterator[int]:
    """A node with two CPUs and none of the driver's files: its first process's id."""
    options = (f"--address={address}", "--num-cpus=2", *options)
    with node(folder, ip, *options, hide=True, **environment) as (_, number):
        yield number


def driver(folder: Path, address: str) -> dict[str, str]:
    """The environment of a driver on the head, in which Ray Train looks for news often."""
    return SETTINGS | {
        "RAY_ADDRESS": address,
        "TMPDIR": str(folder / HIDDEN),
        "RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S": "0.2",
    }


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
