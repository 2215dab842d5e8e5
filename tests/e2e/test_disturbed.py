"""What happens to clusters happens in the middle of `embed`: it goes on, or ends for good."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.bed.adaptations import Adaptations
from tests.cluster.bed.paths import pod_path
from tests.e2e.bed.bed import Bed
from tests.e2e.bed.release import Release
from tests.e2e.runs import READY_SECONDS, START_SECONDS, Disturbed, Finished

pytestmark = pytest.mark.timeout(READY_SECONDS + 2 * START_SECONDS)


@pytest.fixture
def run(
    bed: Bed, adaptations: Adaptations, finished: Finished, request: pytest.FixtureRequest
) -> Iterator[Disturbed]:
    """A run in the middle of `embed`, named after the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    disturbed = Disturbed(bed, adaptations, finished, name)
    disturbed.start()
    yield disturbed
    disturbed.clear()


def test_a_killed_worker(run: Disturbed) -> None:
    (worker,) = run.pods("worker")
    run.bed.api.delete(pod_path(worker), {"gracePeriodSeconds": 0})
    run.wait_ready()
    run.assert_resumed()


def test_a_killed_head(run: Disturbed) -> None:
    (head,) = run.pods("head")
    run.bed.api.delete(pod_path(head), {"gracePeriodSeconds": 0})
    run.wait_ready()
    run.assert_resumed()


def test_a_drained_node(run: Disturbed) -> None:
    with drained(run.bed, "small"):
        run.wait_for_attempt(2)
    run.wait_ready()
    run.assert_resumed()
    assert not run.attempts()[0]["counted"], "an eviction after a checkpoint counts as no attempt"


def test_an_upgraded_operator(run: Disturbed, release: Release) -> None:
    before = run.rayjob()["metadata"]["uid"]
    release.upgrade(pollSeconds=release.values["pollSeconds"] + 1)
    assert run.rayjob()["metadata"]["uid"] == before
    run.wait_ready()
    (attempt,) = run.attempts()
    assert attempt["uid"] == before


@contextmanager
def drained(bed: Bed, node: str) -> Iterator[None]:
    """A node whose pods were evicted and that takes no new ones, for a while."""
    options = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=110s"]
    try:
        bed.cluster.kubectl("drain", node, *options)
        yield
    finally:
        bed.cluster.kubectl("uncordon", node)
