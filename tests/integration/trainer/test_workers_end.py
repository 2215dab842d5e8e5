"""Whatever ends Ray's workers: the attempt says why, and leaves no lease behind."""

import json
import os
import signal
from pathlib import Path

import pytest

from lingraft.errors import FailureClass
from lingraft.stage import Execution, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from tests.support.sockets import descendants
from tests.support.stages import manifest_of, process, run_process, spec_of, store_of, wait_until
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
EVERY_STEP = {"LINGRAFT_CHECKPOINT_SECONDS": "0"}


@pytest.fixture
def spec(tmp_path: Path) -> StageSpec:
    """More steps than any test waits for."""
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    return spec_on(tmp_path)


def spec_on(folder: Path, steps: int = 100_000, holder: str = "first") -> StageSpec:
    return spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=steps)},
        folder / "store",
        holder=holder,
        execution=Execution(workers=2, threads=1, precision="fp32"),
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


def failed(spec: StageSpec, failure_class: FailureClass, message: str) -> None:
    """The failure stands in the store, and nobody has to wait for the lease to expire."""
    failure = store_of(spec).read_failure(spec.holder)
    assert failure is not None and failure.failure_class == failure_class, failure
    assert message in failure.message
    free(spec)


def free(spec: StageSpec) -> None:
    lease = Lease(open_store(spec.store), spec.stage, "anybody").read()
    assert lease is None or lease[0].released


def train_workers(driver: int) -> list[int]:
    """The process numbers of a driver's training workers."""
    names = {n: Path(f"/proc/{n}/cmdline").read_bytes() for n in descendants(driver)}
    return sorted(n for n, name in names.items() if b"RayTrainWorker" in name)


def test_sigterm(spec: StageSpec, tmp_path: Path) -> None:
    """As `ray job stop` sends it to the driver of a RayJob that is deleted."""
    with process(spec, tmp_path, **EVERY_STEP) as running:
        wait_until(lambda: store_of(spec).latest_checkpoint(), running=running)
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "run it again to resume" in errors and "Traceback" not in errors
    assert store_of(spec).read_failure(spec.holder) is None
    free(spec)


@pytest.mark.usefixtures("spec")
def test_a_worker_that_is_killed_and_the_next_attempt_goes_on(tmp_path: Path) -> None:
    """Rank 0, which holds the lease and writes the checkpoints."""
    killed = spec_on(tmp_path, steps=300)
    with process(killed, tmp_path, **EVERY_STEP) as running:
        wait_until(lambda: store_of(killed).latest_checkpoint(), running=running)
        os.kill(train_workers(running.pid)[0], signal.SIGKILL)
        _, errors = running.communicate(timeout=240)
    assert running.returncode == 1, errors
    assert "error: a Ray worker was lost" in errors and "Traceback" not in errors
    failed(killed, "infrastructure", "a Ray worker was lost")
    left = store_of(killed).latest_checkpoint()
    assert left is not None and left.step < 300

    following = spec_on(tmp_path, steps=300, holder="second")
    code, errors = run_process(following, tmp_path)
    assert code == 0, errors
    manifest = manifest_of(following)
    assert manifest.holder == "second" and manifest.environment["resumedFrom"] == left.step


def test_a_node_without_memory(spec: StageSpec, tmp_path: Path) -> None:
    """Ray's memory monitor kills, as it does before the kernel would."""
    full = {"RAY_memory_usage_threshold": "0.01", "RAY_memory_monitor_refresh_ms": "100"}
    code, errors = run_process(spec, tmp_path, **full)
    assert code == 1, errors
    failed(spec, "resource", "low on memory")


def test_a_mistake_of_the_user(spec: StageSpec, tmp_path: Path) -> None:
    config = tmp_path / "base/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "gpt2"}))
    changed = spec_on(tmp_path)
    code, errors = run_process(changed, tmp_path)
    assert code == 2, errors
    assert len([line for line in errors.splitlines() if line.startswith("error: ")]) == 1
    failed(changed, "user", "'gpt2' is not supported")


def test_another_holder_at_work(spec: StageSpec, tmp_path: Path) -> None:
    other = Lease(open_store(spec.store), spec.stage, "another")
    other.acquire()
    code, errors = run_process(spec, tmp_path)
    assert code == 3, errors
    assert "another is writing this stage" in errors and "Traceback" not in errors
    assert store_of(spec).read_failure(spec.holder) is None, "it holds no lease to write under"
    other.renew()  # it is still theirs
