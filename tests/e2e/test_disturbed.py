"""What happens to clusters happens in the middle of `embed`: it goes on, or ends for good."""

from collections.abc import Iterator

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
    drain(run.bed, "small")
    run.wait_ready()
    run.assert_resumed()
    before = run.attempts()[:-1]
    assert not any(one["counted"] for one in before), "an eviction after a checkpoint is no attempt"


def test_an_upgraded_operator(run: Disturbed, release: Release) -> None:
    before = run.rayjob()["metadata"]["uid"]
    release.upgrade(pollSeconds=release.values["pollSeconds"] + 1)
    assert run.rayjob()["metadata"]["uid"] == before
    run.wait_ready()
    (attempt,) = run.attempts()
    assert attempt["uid"] == before


def drain(bed: Bed, node: str) -> None:
    """Evict a node's pods; when they are gone, it takes new ones."""
    options = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=110s"]
    try:
        bed.cluster.kubectl("drain", node, *options)
    finally:
        bed.cluster.kubectl("uncordon", node)
