"""A Ray cluster as KubeRay makes it: the driver's node has no CPUs, and no files in common."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lingraft.stage import Execution, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from tests.support.sockets import descendants
from tests.support.stages import import_path, manifest_of, process, spec_of, store_of, wait_until
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        [name for _, name in socket.if_nameindex()] != ["lo"],
        reason="`ray start` listens on every interface: run it through tools/loopback.sh",
    ),
]
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # a local Ray of this process switches them off
    "RAY_AUTH_MODE": "token",  # so does the operator's RayJob
    "RAY_AUTH_TOKEN": "a-token-for-tests",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "5",
}
HIDDEN = "driver"
"""The driver's folder for temporary files, which is empty on the other node."""


@contextmanager
def node(folder: Path, ip: str, *options: str, hide: bool = False) -> Iterator[tuple[str, int]]:
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
            env=os.environ | SETTINGS | {"PYTHONPATH": import_path()},
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[dict[str, str], int]]:
    """Two nodes: a driver's environment, and the id of the workers' node's first process."""
    with ExitStack() as closing:
        # Ray's sockets are below it, whose names must be short; pytest's folders are not.
        name = closing.enter_context(TemporaryDirectory(prefix="lingraft-", dir="/tmp"))
        folder = Path(name)
        (folder / HIDDEN).mkdir()
        head = ["--head", "--port=0", "--num-cpus=0", "--include-dashboard=false"]
        printed, _ = closing.enter_context(
            node(folder, "127.0.0.1", *head, f"--temp-dir={folder}/ray")
        )
        found = re.search(r"--address='(\S+)'", printed)
        assert found, printed
        workers = [f"--address={found[1]}", "--num-cpus=2"]
        _, number = closing.enter_context(node(folder, "127.0.0.2", *workers, hide=True))
        driver = {"RAY_ADDRESS": found[1], "TMPDIR": str(folder / HIDDEN)}
        yield SETTINGS | driver, number


def spec(folder: Path, steps: int) -> StageSpec:
    tiny_base("roberta", folder / "base")
    tiny_corpus("roberta", TARGET_WORDS, folder / "corpus")
    return spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=steps)},
        folder / "store",
        execution=Execution(workers=2, threads=1, precision="fp32"),
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


def test_workers_need_no_folder_of_the_drivers(
    tmp_path: Path, cluster: tuple[dict[str, str], int]
) -> None:
    done = spec(tmp_path, steps=20)
    with process(done, tmp_path, **cluster[0]) as running:
        _, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors
    assert manifest_of(done).environment["workers"] == 2


def test_a_node_that_goes_away_ends_the_attempt_and_leaves_no_lease(
    tmp_path: Path, cluster: tuple[dict[str, str], int]
) -> None:
    taken = spec(tmp_path, steps=100_000)
    environment, workers_node = cluster
    with process(taken, tmp_path, **environment, LINGRAFT_CHECKPOINT_SECONDS="1") as running:
        wait_until(lambda: store_of(taken).latest_checkpoint(), running=running)
        os.kill(workers_node, signal.SIGTERM)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 1, errors
    failure = store_of(taken).read_failure("first")
    assert failure is not None and failure.failure_class == "infrastructure"
    assert "node" in failure.message
    lease = Lease(open_store(taken.store), taken.stage, "anybody").read()
    assert lease is not None and lease[0].released
