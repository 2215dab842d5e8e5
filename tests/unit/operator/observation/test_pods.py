from datetime import timedelta
from typing import Any

import pytest

from lingraft_operator.names import (
    BESIDE_WORKERS,
    CONTAINERS,
    HEAD,
    HEAD_OUT_OF_MEMORY,
    OUT_OF_DISK,
)
from lingraft_operator.observation.pods import (
    FATAL,
    LOST,
    UNREADY,
    doubled,
    gravest,
    head_of,
    trouble_of,
)
from lingraft_operator.world import Told
from tests.support.operator.clock import START

SINCE = START + timedelta(minutes=3)


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "head-x"}, "status": status}


def condition(kind: str, status: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": SINCE.isoformat(), **more}


def waiting(reason: str, field: str = "containerStatuses") -> dict[str, Any]:
    container = {"name": "ray-head", "state": {"waiting": {"reason": reason, "message": "m"}}}
    return pod(**{"conditions": [condition("PodScheduled", "True")], field: [container]})


def kind_of(body: dict[str, Any]) -> str | None:
    trouble = trouble_of(body)
    return trouble.kind if trouble is not None else None


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"name": "x"}},
        pod(phase="Running", conditions=[condition("PodScheduled", "True")]),
        pod(containerStatuses=[{"name": "ray-head", "state": {"running": {}}, "lastState": {}}]),
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        pod(conditions=[condition("DisruptionTarget", "False")]),
        pod(containerStatuses=[{"state": {"terminated": {"reason": "Completed"}}}]),
        pod(containerStatuses=[{"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]),
    ],
)
def test_nothing_is_wrong_with_a_pod_that_starts_runs_or_ends(body: dict[str, Any]) -> None:
    assert trouble_of(body) is None


def test_a_pod_without_a_node_waits_for_capacity() -> None:
    words = condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes")
    told = Told("waiting", "Unschedulable", "pod head-x: 0/3 nodes")
    assert trouble_of(pod(conditions=[words])) == told


@pytest.mark.parametrize("field", ["containerStatuses", "initContainerStatuses"])
@pytest.mark.parametrize(
    ("reason", "kind"),
    [*((r, "unready") for r in sorted(UNREADY)), *((r, "fatal") for r in sorted(FATAL))],
)
def test_containers_that_cannot_start(reason: str, kind: str, field: str) -> None:
    trouble = trouble_of(waiting(reason, field))
    assert trouble is not None
    assert (trouble.kind, trouble.reason) == (kind, reason)


@pytest.mark.parametrize("field", ["state", "lastState"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_killed_for_memory_now_or_before_its_restart(name: str, field: str) -> None:
    container = {"name": name, field: {"terminated": {"reason": "OOMKilled"}}}
    trouble = trouble_of(pod(containerStatuses=[container]))
    assert trouble is not None and (trouble.kind, trouble.reason) == ("resource", "OOMKilled")
    assert name in trouble.message


OTHERS = [("containerStatuses", "istio-proxy"), ("initContainerStatuses", "wait-gcs-ready")]


@pytest.mark.parametrize(("field", "name"), OTHERS)
def test_memory_of_a_container_beside_rays_is_not_trainings(field: str, name: str) -> None:
    container = {"name": name, "lastState": {"terminated": {"reason": "OOMKilled"}}}
    assert trouble_of(pod(**{field: [container]})) is None


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "InvalidImageName"])
@pytest.mark.parametrize(("field", "name"), OTHERS)
def test_a_container_beside_rays_that_cannot_start(field: str, name: str, reason: str) -> None:
    body = waiting(reason, field)
    body["status"][field][0]["name"] = name
    assert kind_of(body) == "aside"


def test_a_head_that_does_not_train_has_a_memory_of_its_own() -> None:
    body = pod(
        containerStatuses=[
            {"name": "ray-head", "state": {"terminated": {"reason": "OOMKilled"}}},
        ]
    )
    body["metadata"]["labels"] = {HEAD: BESIDE_WORKERS}
    trouble = trouble_of(body)
    assert trouble is not None and (trouble.kind, trouble.reason) == (
        "resource",
        HEAD_OUT_OF_MEMORY,
    )
    assert "head.memory" in trouble.message


@pytest.mark.parametrize("reason", sorted(LOST))
def test_an_evicted_pod_is_a_disruption(reason: str) -> None:
    trouble = trouble_of(pod(phase="Failed", reason=reason, message="low on disk"))
    assert trouble == Told("disrupted", reason, "pod head-x: low on disk")


def test_a_preempted_pod_is_a_disruption() -> None:
    words = condition("DisruptionTarget", "True", reason="PreemptionByScheduler", message="p")
    trouble = trouble_of(pod(conditions=[words]))
    assert trouble == Told("disrupted", "PreemptionByScheduler", "pod head-x: p")


def test_a_pod_evicted_for_its_own_disk_is_no_disruption() -> None:
    """The kubelet says both where its node was low."""
    disrupted = condition("DisruptionTarget", "True", reason="TerminationByKubelet", message="m")
    words = 'Usage of EmptyDir volume "scratch" exceeds the limit "10Gi". '
    body = pod(phase="Failed", reason="Evicted", message=words, conditions=[disrupted])
    trouble = trouble_of(body)
    assert trouble is not None and (trouble.kind, trouble.reason) == ("resource", OUT_OF_DISK)
    assert "scratchSize" in trouble.message


def head(name: str, minute: int, cluster: str = "c", **more: Any) -> dict[str, Any]:
    labels = {"ray.io/node-type": "head", "ray.io/cluster": cluster}
    created = (START + timedelta(minutes=minute)).isoformat()
    metadata = {"name": name, "labels": labels, "creationTimestamp": created}
    return {"metadata": metadata | more, "status": {"phase": "Running"}}


def test_two_heads_of_one_cluster_are_a_trouble() -> None:
    heads = [head_of(head("b", 5)), head_of(head("a", 2))]
    found = doubled(one for one in heads if one is not None)
    assert found is not None and found.kind == "doubled"
    assert "a and b" in found.message


@pytest.mark.parametrize(
    "other",
    [
        head("b", 5, "another"),
        head("b", 5, deletionTimestamp="2026-01-01T00:00:00Z"),
        head("b", 5) | {"status": {"phase": "Failed"}},
        head("b", 5, labels={"ray.io/node-type": "worker", "ray.io/cluster": "c"}),
    ],
)
def test_one_head_is_none(other: dict[str, Any]) -> None:
    heads = [head_of(head("a", 2)), head_of(other)]
    assert doubled(one for one in heads if one is not None) is None


def test_the_gravest_of_several_troubles_is_told() -> None:
    body = waiting("CrashLoopBackOff")
    body["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"reason": "OOMKilled"}}
    assert kind_of(body) == "resource"
    body["status"]["conditions"].append(condition("DisruptionTarget", "True"))
    assert kind_of(body) == "resource"
    assert gravest([]) is None
