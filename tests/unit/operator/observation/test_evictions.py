"""The kubelet's own words, as `pkg/kubelet/eviction/helpers.go` makes them."""

import pytest

from lingraft_operator.names import OUT_OF_DISK
from lingraft_operator.observation.evictions import own_doing

LOW = "The node was low on resource: {0}. Threshold quantity: 1, available: 0. "
USED = "Container {0} was using {1}, request is {2}, has larger consumption of {3}. "


def used(container: str, amount: str, request: str, resource: str) -> str:
    return LOW.format(resource) + USED.format(container, amount, request, resource)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('Usage of EmptyDir volume "scratch" exceeds the limit "10Gi". ', OUT_OF_DISK),
        ('Usage of EmptyDir volume "shared-memory" exceeds the limit "1Gi". ', "OutOfMemory"),
        ('Container ray-worker exceeded its local ephemeral storage limit "20Gi". ', OUT_OF_DISK),
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 20Gi. ",
            OUT_OF_DISK,
        ),
        (used("ray-head", "30Gi", "20Gi", "ephemeral-storage"), OUT_OF_DISK),
        (used("ray-worker", "17Gi", "16Gi", "memory"), "OutOfMemory"),
        (
            used("istio-proxy", "2Gi", "0", "memory")
            + USED.format("ray-worker", "17Gi", "16Gi", "memory"),
            "OutOfMemory",
        ),
    ],
)
def test_what_the_pod_did_itself(words: str, reason: str) -> None:
    found = own_doing({"reason": "Evicted", "message": words})
    assert found is not None and found.reason == reason
    assert found.message.startswith(words.strip().rstrip("."))
    assert ("scratchSize" in found.message) == (reason == OUT_OF_DISK)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "The node had condition: [DiskPressure]. ",
        LOW.format("memory"),
        LOW.format("pids"),
        # What others put beside ours, and what never asked for any.
        'Usage of EmptyDir volume "istio-data" exceeds the limit "1Gi". ',
        'Container istio-proxy exceeded its local ephemeral storage limit "1Gi". ',
        used("istio-proxy", "2Gi", "1Gi", "memory"),
        used("ray-head", "60Ki", "0", "ephemeral-storage"),
    ],
)
def test_what_its_node_needed(words: str) -> None:
    assert own_doing({"reason": "Evicted", "message": words}) is None


def test_another_end_is_no_eviction() -> None:
    words = 'Usage of EmptyDir volume "scratch" exceeds the limit "10Gi". '
    assert own_doing({"reason": "Preempting", "message": words}) is None
