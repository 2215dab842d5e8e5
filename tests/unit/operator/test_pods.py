from datetime import timedelta
from typing import Any

import pytest

from lingraft_operator.cache import Cache
from lingraft_operator.names import HOLDER
from lingraft_operator.pods import FATAL, LOST, UNREADY, doubled, gravest, head_of, trouble_of
from lingraft_operator.world import PodTrouble
from tests.support.operator.clock import START

NOW = START + timedelta(hours=1)
SINCE = START + timedelta(minutes=3)


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "head-x"}, "status": status}


def condition(kind: str, status: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": SINCE.isoformat(), **more}


def waiting(reason: str, field: str = "containerStatuses") -> dict[str, Any]:
    container = {"name": "ray-head", "state": {"waiting": {"reason": reason, "message": "m"}}}
    return pod(**{"conditions": [condition("PodScheduled", "True")], field: [container]})


def kind_of(body: dict[str, Any]) -> str | None:
    trouble = trouble_of(body, NOW)
    return trouble.kind if trouble is not None else None


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"name": "x"}},
        pod(phase="Running", conditions=[condition("PodScheduled", "True")]),
        pod(containerStatuses=[{"state": {"running": {}}, "lastState": {}}]),
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        pod(conditions=[condition("DisruptionTarget", "False")]),
        pod(containerStatuses=[{"state": {"terminated": {"reason": "Completed"}}}]),
        pod(containerStatuses=[{"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]),
    ],
)
def test_nothing_is_wrong_with_a_pod_that_starts_runs_or_ends(body: dict[str, Any]) -> None:
    assert trouble_of(body, NOW) is None


def test_a_pod_without_a_node_waits_for_capacity() -> None:
    words = condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes")
    assert trouble_of(pod(conditions=[words]), NOW) == PodTrouble(
        "waiting", "Unschedulable", "pod head-x: 0/3 nodes", SINCE
    )


@pytest.mark.parametrize("field", ["containerStatuses", "initContainerStatuses"])
@pytest.mark.parametrize(
    ("reason", "kind"),
    [*((r, "unready") for r in sorted(UNREADY)), *((r, "fatal") for r in sorted(FATAL))],
)
def test_containers_that_cannot_start(reason: str, kind: str, field: str) -> None:
    trouble = trouble_of(waiting(reason, field), NOW)
    assert trouble is not None
    assert (trouble.kind, trouble.reason, trouble.since) == (kind, reason, SINCE)


def test_a_container_that_worked_before_is_given_time_again() -> None:
    body = waiting("CrashLoopBackOff")
    died = SINCE + timedelta(minutes=50)
    ended = {"reason": "Error", "finishedAt": died.isoformat()}
    body["status"]["containerStatuses"][0]["lastState"] = {"terminated": ended}
    trouble = trouble_of(body, NOW)
    assert trouble is not None and (trouble.kind, trouble.since) == ("unready", died)


@pytest.mark.parametrize("field", ["state", "lastState"])
def test_a_container_killed_for_memory_now_or_before_its_restart(field: str) -> None:
    container = {"name": "ray-head", field: {"terminated": {"reason": "OOMKilled"}}}
    trouble = trouble_of(pod(containerStatuses=[container]), NOW)
    assert trouble is not None and trouble.kind == "memory"
    assert "ray-head" in trouble.message


@pytest.mark.parametrize("reason", sorted(LOST))
def test_an_evicted_pod_is_a_disruption(reason: str) -> None:
    trouble = trouble_of(pod(phase="Failed", reason=reason, message="low on disk"), NOW)
    assert trouble == PodTrouble("disrupted", reason, "pod head-x: low on disk", NOW)


def test_a_preempted_pod_is_a_disruption() -> None:
    words = condition("DisruptionTarget", "True", reason="PreemptionByScheduler", message="p")
    trouble = trouble_of(pod(conditions=[words]), NOW)
    assert trouble == PodTrouble("disrupted", "PreemptionByScheduler", "pod head-x: p", SINCE)


def head(name: str, minute: int, cluster: str = "c", **more: Any) -> dict[str, Any]:
    labels = {"ray.io/node-type": "head", "ray.io/cluster": cluster}
    created = (START + timedelta(minutes=minute)).isoformat()
    metadata = {"name": name, "labels": labels, "creationTimestamp": created}
    return {"metadata": metadata | more, "status": {"phase": "Running"}}


def test_two_heads_of_one_cluster_are_a_trouble_since_the_second() -> None:
    heads = [head_of(head("b", 5)), head_of(head("a", 2))]
    found = doubled(one for one in heads if one is not None)
    assert found is not None and found.kind == "doubled"
    assert found.since == START + timedelta(minutes=5) and "a and b" in found.message


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


def test_a_former_disruption_does_not_hide_two_heads() -> None:
    cache = Cache()
    lost = head("a", 1)
    lost["status"] = {"conditions": [condition("DisruptionTarget", "True")]}
    for number, body in enumerate([lost, head("b", 2), head("c", 3)]):
        body["metadata"] |= {"uid": str(number), "namespace": "n"}
        body["metadata"]["labels"] |= {HOLDER: "h"}
        cache.put_pod(body)
        if number == 0:
            cache.drop_pod(body)
    found = cache.trouble(("n", "h"))
    assert found is not None and found.kind == "doubled"


def test_the_gravest_of_several_troubles_is_told() -> None:
    body = waiting("CrashLoopBackOff")
    body["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"reason": "OOMKilled"}}
    assert kind_of(body) == "memory"
    body["status"]["conditions"].append(condition("DisruptionTarget", "True"))
    assert kind_of(body) == "memory"
    assert gravest([]) is None
