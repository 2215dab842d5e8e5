"""The test bed for a developer's terminal: `make cluster-up` and `make cluster-down`.

    python -m tests.cluster.up [up | down | serve] [--trainer real|instant]

`up` starts the bed (control plane, KubeRay, stand-ins, an S3 server) and our operator in the
background and prints what to export; `down` ends it. What runs is recorded in
`~/.cache/lingraft/cluster`.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from lingraft.cache import cache_dir
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.operator import Operator, chart_values
from tests.cluster.bed.processes import wait_until
from tests.integration import seaweed
from tools.kube.build import DEFAULT, Missing, binary, build

ROOT = Path(__file__).parents[2]
FOLDER = cache_dir() / "cluster"
STATE, LOG, KUBECONFIG = FOLDER / "state.json", FOLDER / "bed.log", FOLDER / "kubeconfig"
UP_SECONDS = 120


def running() -> dict[str, Any] | None:
    """What is recorded of a bed that runs; None where there is none."""
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return None
    return state if _started(state["pid"]) == state["started"] else None


def up(trainer: str) -> int:
    """Start the bed unless it runs, wait until it is ready and say how to use it."""
    try:
        for part in DEFAULT:
            build(part)
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    state = running()
    if state is None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with LOG.open("wb") as log:
            command = [sys.executable, "-m", "tests.cluster.up", "serve", "--trainer", trainer]
            server = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        with suppress(RuntimeError):  # it took too long
            wait_until(
                lambda: running() or server.poll() is not None, "the bed is up", seconds=UP_SECONDS
            )
        if (state := running()) is None:
            print(f"the bed did not come up:\n{LOG.read_text()[-4000:]}", file=sys.stderr)
            return 1
    print(f"# kubectl: {binary('kubectl')}\n# logs: {state['folder']}, {LOG}")
    for name, value in state["environment"].items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def down() -> int:
    """End the bed and wait until it has ended."""
    state = running()
    if state is None:
        print("there is no bed", file=sys.stderr)
        return 0
    os.kill(state["pid"], signal.SIGTERM)
    try:
        wait_until(lambda: running() is None, "the bed has ended")
    except RuntimeError:
        os.kill(state["pid"], signal.SIGKILL)  # its children go with it
    STATE.unlink(missing_ok=True)
    return 0


def serve(trainer: str) -> int:
    """Be the bed, until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    store_process, store = seaweed.start()
    try:
        with ControlPlane() as cluster, Bed(cluster, store.endpoint) as bed:
            operator = Operator(cluster, chart_values(store.endpoint), store.environment)
            cluster.restart_controllers()  # the chart brought our CRD
            bed.dashboard.trainer = "instant" if trainer == "instant" else "real"
            bed.api.kubeconfig(KUBECONFIG)
            KUBECONFIG.chmod(0o600)
            state = {
                "pid": os.getpid(),
                "started": _started(os.getpid()),
                "folder": str(cluster.folder),
                "environment": {"KUBECONFIG": str(KUBECONFIG), **store.environment},
            }
            scratch = STATE.with_suffix(".new")
            scratch.write_text(json.dumps(state))
            scratch.chmod(0o600)
            with operator:
                scratch.replace(STATE)
                over.wait()
    finally:
        store_process.kill()
        store_process.wait()
    return 0


def _started(pid: int) -> str | None:
    """The kernel's start time of a process: its number alone may be another's by now."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The test bed for a developer's terminal")
    parser.add_argument("command", choices=("up", "down", "serve"), nargs="?", default="up")
    parser.add_argument("--trainer", choices=("real", "instant"), default="real")
    chosen = parser.parse_args()
    if chosen.command == "down":
        return down()
    return up(chosen.trainer) if chosen.command == "up" else serve(chosen.trainer)


if __name__ == "__main__":
    sys.exit(main())
