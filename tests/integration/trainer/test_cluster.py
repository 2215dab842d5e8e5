"""A Ray cluster as KubeRay makes it: the driver's node has no CPUs, and no files in common."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest
import torch

from lingraft.stage import Execution, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from tests.support.ray_nodes import driver, free_port, head, needs_loopback, workers
from tests.support.stages import manifest_of, process, spec_of, store_of, wait_until
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600), needs_loopback]
NODE = "127.0.0.2"


@dataclass(frozen=True)
class Cluster:
    """A driver's environment; the workers' node's first process and where its metrics are."""

    driver: dict[str, str]
    node: int
    metrics: str


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes. Checkpoints by time are off: one is written for a reason, or not at all."""
    with ExitStack() as closing:
        # Ray's sockets are below it, whose names must be short; pytest's folders are not.
        name = closing.enter_context(TemporaryDirectory(prefix="lingraft-", dir="/tmp"))
        address, _ = closing.enter_context(head(Path(name)))
        port = free_port()
        environment = {
            "LINGRAFT_CHECKPOINT_SECONDS": "3600",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "8",
            "RAY_metrics_report_interval_ms": "2000",
        }
        export = f"--metrics-export-port={port}"
        offers = (export, "--num-gpus=2")
        node = closing.enter_context(workers(Path(name), address, NODE, *offers, **environment))
        yield Cluster(driver(Path(name), address), node, f"http://{NODE}:{port}/metrics")


def spec(folder: Path, steps: int, workers: int = 2, holder: str = "first") -> StageSpec:
    tiny_base("roberta", folder / "base")
    tiny_corpus("roberta", TARGET_WORDS, folder / "corpus")
    return spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=steps)},
        folder / "store",
        holder=holder,
        execution=Execution(workers=workers, threads=1, precision="fp32"),
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


def test_workers_need_no_folder_of_the_drivers(tmp_path: Path, cluster: Cluster) -> None:
    done = spec(tmp_path, steps=20)
    with process(done, tmp_path, **cluster.driver) as running:
        _, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors
    assert manifest_of(done).environment["workers"] == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="takes a machine without a GPU")
def test_a_gpu_that_is_offered_and_not_there_is_the_users_to_mend(
    tmp_path: Path, cluster: Cluster
) -> None:
    """Ray believes what it is told; torch, or NCCL, finds out."""
    asked = spec(tmp_path, steps=20)
    execution = asked.execution.model_copy(update={"gpus_per_worker": 1})
    asked = asked.model_copy(update={"execution": execution})
    with process(asked, tmp_path, **cluster.driver) as running:
        _, errors = running.communicate(timeout=240)
    assert running.returncode == 4, errors
    said = store_of(asked).read_failure("first")
    assert said is not None and (said.failure_class, said.reason) == ("outside", "NoGpuError")


def scraped(cluster: Cluster) -> dict[str, tuple[str, float]]:
    """Labels and value of each of our metrics that Ray exports."""
    with suppress(OSError), urlopen(cluster.metrics, timeout=10) as answer:
        lines = answer.read().decode()
        found = re.findall(r"^ray_(lingraft_train_\w+)\{(.*)\} (\S+)$", lines, re.MULTILINE)
        return {name: (labels, float(value)) for name, labels, value in found}
    return {}


def test_training_is_among_rays_metrics(tmp_path: Path, cluster: Cluster) -> None:
    shown = spec(tmp_path, steps=100_000)
    with process(shown, tmp_path, **cluster.driver) as running:
        found = wait_until(lambda: len(now := scraped(cluster)) == 3 and now, running=running)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=240)
    assert found.keys() == {
        "lingraft_train_loss",
        "lingraft_train_tokens_per_second",
        "lingraft_train_progress_ratio",
    }
    for labels, _ in found.values():
        assert 'kind="embed"' in labels and f'digest="{shown.stage.digest[:12]}"' in labels
    assert found["lingraft_train_loss"][1] > 0
    assert found["lingraft_train_tokens_per_second"][1] > 0
    assert 0 < found["lingraft_train_progress_ratio"][1] < 1


def test_a_drained_node_leaves_a_checkpoint_and_no_lease(tmp_path: Path, cluster: Cluster) -> None:
    """SIGTERM, as a pod gets it: Ray drains its node for the reason PREEMPTION."""
    taken = spec(tmp_path, steps=100_000)

    def trains() -> bool:
        progress = store_of(taken).read_progress("first")
        return progress is not None and progress.step > 0

    with process(taken, tmp_path, **cluster.driver) as running:
        wait_until(trains, running=running)
        assert store_of(taken).latest_checkpoint() is None
        os.kill(cluster.node, signal.SIGTERM)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 1, errors
    failure = store_of(taken).read_failure("first")
    assert failure is not None and failure.failure_class == "infrastructure"
    assert "node" in failure.message
    lease = Lease(open_store(taken.store), taken.stage, "anybody").read()
    assert lease is not None and lease[0].released
    assert len(store_of(taken).checkpoints()) == 1, "one for the one notice"
