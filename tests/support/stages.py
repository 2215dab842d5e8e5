"""Stages as processes run them: a spec over local folders, in this process or in another."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lingraft.sources import fingerprint
from lingraft.stage import Execution, Manifest, Stage, StageKind, StageSpec
from lingraft.store import open_store
from lingraft.store.stages import StageStore

PINNED = Execution(threads=1, precision="fp32")
"""What byte equality is promised for: one machine, fp32, the same threads."""
SETTINGS = {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2"}


def spec_of(
    kind: StageKind,
    params: dict[str, Any],
    store: Path,
    *,
    holder: str = "first",
    execution: Execution = PINNED,
    **inputs: Path,
) -> StageSpec:
    """A stage whose every input is a local folder or file, pinned as a source."""
    sources = {name: fingerprint(path.as_uri()) for name, path in inputs.items()}
    return StageSpec(
        stage=Stage(
            kind=kind,
            params=params,
            inputs={name: f"source/{found.fingerprint}" for name, found in sources.items()},
        ),
        sources={found.fingerprint: found for found in sources.values()},
        store=store.as_uri() + "/",
        holder=holder,
        execution=execution,
    )


def store_of(spec: StageSpec) -> StageStore:
    """The stage's part of its store."""
    return StageStore(open_store(spec.store), spec.stage, spec.holder)


def manifest_of(spec: StageSpec) -> Manifest:
    """The stage's manifest, which must be there."""
    found = store_of(spec).manifest()
    assert found is not None, "there is no manifest"
    return found


def contents(spec: StageSpec) -> dict[str, str]:
    """The sha256 of every file of the stage's artifact."""
    return {record.path: record.sha256 for record in manifest_of(spec).files}


@contextmanager
def process(spec: StageSpec, folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m lingraft_trainer SPEC`, killed if it still runs at the end."""
    file = folder / f"{spec.holder}-{spec.execution.workers}.json"
    file.write_text(spec.model_dump_json(by_alias=True))
    started = subprocess.Popen(
        [sys.executable, "-m", "lingraft_trainer", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | SETTINGS | {"PYTHONPATH": import_path()} | environment,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
            started.communicate()


def run_process(spec: StageSpec, folder: Path, **environment: str) -> tuple[int, str]:
    """Run a stage in another process: its exit code and what it wrote to stderr."""
    with process(spec, folder, **environment) as started:
        _, errors = started.communicate(timeout=240)
    return started.returncode, errors


def import_path() -> str:
    """This process's module path, for another one."""
    return os.pathsep.join(part for part in sys.path if part)


def wait_until(condition: Callable[[], Any], *, running: subprocess.Popen[str]) -> Any:
    """What `condition` gives once it is true; fails when the process ends before, or in 5 min."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        if running.poll() is not None:
            raise AssertionError(f"ended too early: {running.communicate()}")
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.005)
    raise AssertionError("waited in vain")
