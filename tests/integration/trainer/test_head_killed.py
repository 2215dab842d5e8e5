"""A RayCluster whose head is killed: KubeRay makes it anew and submits the same job again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lingraft.stage import Execution
from lingraft.store import open_store
from lingraft.store.lease import Lease
from tests.support.ray_nodes import driver, free_port, head, needs_loopback, workers
from tests.support.sockets import descendants
from tests.support.stages import manifest_of, process, spec_of, store_of, wait_until
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600), needs_loopback]
EVERY_STEP = {"LINGRAFT_CHECKPOINT_SECONDS": "0"}


@contextmanager
def cluster(folder: Path, port: int) -> Iterator[tuple[dict[str, str], tuple[int, int]]]:
    """A head and a node of workers: a driver's environment, and each one's first process."""
    folder.mkdir()
    with (
        head(folder, port) as (address, one),
        workers(folder, address, **EVERY_STEP) as other,
    ):
        yield driver(folder, address), (one, other)


def test_the_same_holder_takes_its_lease_over_and_goes_on(tmp_path: Path) -> None:
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    spec = spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=300)},
        tmp_path / "store",
        execution=Execution(workers=1, threads=1, precision="fp32"),
        model=tmp_path / "base",
        base=tmp_path / "base",
        corpus=tmp_path / "corpus",
    )
    port = free_port()  # the address of a head that is made anew is the old one's
    with TemporaryDirectory(prefix="lingraft-", dir="/tmp") as folder:
        with (
            cluster(Path(folder, "1"), port) as (environment, nodes),
            process(spec, tmp_path, **environment) as running,
        ):
            wait_until(lambda: store_of(spec).latest_checkpoint(), running=running)
            for number in set[int]().union(*map(descendants, (running.pid, *nodes))):
                with suppress(ProcessLookupError):  # it went with another one
                    os.kill(number, signal.SIGKILL)
            running.communicate(timeout=60)
        left = store_of(spec).latest_checkpoint()
        assert left is not None and left.step < 300
        lease = Lease(open_store(spec.store), spec.stage, "anybody").read()
        assert lease is not None and lease[0].holder == "first" and not lease[0].released

        with (
            cluster(Path(folder, "2"), port) as (environment, _),
            process(spec, tmp_path, **environment) as running,
        ):
            _, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors
    assert manifest_of(spec).environment["resumedFrom"] == left.step
