"""The stand-in kubelet treats pods as a real one would."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.bed.bed import Bed
from tests.cluster.bed.paths import pod_path, rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.cluster.bed.samples import rayjob
from tests.support.sockets import descendants, listening, outside

ENDLESS = "while true; do sleep 0.05; done"


def create(bed: Bed, namespace: str, name: str, **settings: Any) -> None:
    bed.api.create(rayjob_path(namespace), rayjob(name, ENDLESS, **settings))


def head(bed: Bed, namespace: str) -> Any:
    """The namespace's only head pod, once it is there."""
    wait_until(lambda: bed.pods(namespace, head=True), "a head pod")
    (pod,) = bed.pods(namespace, head=True)
    return pod


def state(bed: Bed, namespace: str) -> dict[str, Any]:
    """The state of the head's container; empty while nobody has said one."""
    statuses = head(bed, namespace)["status"].get("containerStatuses", [])
    return statuses[0]["state"] if statuses else {}


def running(bed: Bed, namespace: str) -> None:
    """Return when the head runs and its job was submitted."""
    wait_until(lambda: "running" in state(bed, namespace), "the head pod runs")
    wait_until(
        lambda: any(one[0] == namespace for one in bed.dashboard.submissions), "it is submitted"
    )


def waiting(bed: Bed, namespace: str, reason: str) -> dict[str, Any]:
    """What the head's container waits for, once it waits for this reason."""
    wait_until(
        lambda: state(bed, namespace).get("waiting", {}).get("reason") == reason,
        f"the head pod waits: {reason}",
    )
    return state(bed, namespace)["waiting"]


@pytest.mark.parametrize("pool", ["small", "large"])
def test_pods_go_to_the_nodes_of_their_pool(bed: Bed, namespace: str, pool: str) -> None:
    create(bed, namespace, "placed", pool=pool)
    running(bed, namespace)
    node = head(bed, namespace)["spec"]["nodeName"]
    assert bed.api.get(f"/api/v1/nodes/{node}")["metadata"]["labels"]["pool"] == pool


def test_a_missing_secret_holds_a_pod_until_it_appears(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "early", secret="credentials")
    why = waiting(bed, namespace, "CreateContainerConfigError")
    assert why["message"] == 'secret "credentials" not found'
    body = {"metadata": {"name": "credentials"}, "stringData": {"KEY": "value"}}
    bed.api.create(f"/api/v1/namespaces/{namespace}/secrets", body)
    running(bed, namespace)


def test_a_missing_key_of_a_secret_is_named(bed: Bed, namespace: str) -> None:
    body = {"metadata": {"name": "credentials"}, "stringData": {"OTHER": "value"}}
    bed.api.create(f"/api/v1/namespaces/{namespace}/secrets", body)
    reference = {"secretKeyRef": {"name": "credentials", "key": "KEY"}}
    create(bed, namespace, "keyless", env=({"name": "KEY", "valueFrom": reference},))
    why = waiting(bed, namespace, "CreateContainerConfigError")
    assert why["message"] == f"couldn't find key KEY in Secret {namespace}/credentials"


def test_refused_pods_wait_until_they_are_accepted(bed: Bed, namespace: str) -> None:
    refusal = bed.kubelet.refuse(namespace=namespace)
    create(bed, namespace, "refused")
    waiting(bed, namespace, "ImagePullBackOff")
    bed.kubelet.accept(refusal)
    running(bed, namespace)


def test_an_oom_killed_container_ends_its_job(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "fat")
    running(bed, namespace)
    (work,) = bed.dashboard.jobs(namespace, "fat")[0].works
    pod = head(bed, namespace)
    bed.kubelet.oom_kill(pod)
    wait_until(lambda: work.result(), "the process ends")
    (status,) = bed.api.get(pod_path(pod))["status"]["containerStatuses"]
    ended = status["lastState"] or status["state"]
    assert ended["terminated"]["reason"] == "OOMKilled"
    assert ended["terminated"]["exitCode"] == 137


def test_pods_of_a_lost_node_are_evicted_and_stay(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "lost", pool="large")
    running(bed, namespace)
    (work,) = bed.dashboard.jobs(namespace, "lost")[0].works
    pod = head(bed, namespace)
    bed.lose_node("large-1")
    wait_until(lambda: work.result(), "the process ends")
    wait_until(
        lambda: "deletionTimestamp" in bed.api.get(pod_path(pod))["metadata"], "it is evicted"
    )
    bed.return_node("large-1")
    uid = pod["metadata"]["uid"]
    wait_until(
        lambda: uid not in [one["metadata"]["uid"] for one in bed.pods(namespace)], "it is gone"
    )


def test_nothing_listens_outside_loopback(bed: Bed) -> None:
    assert not outside(listening(descendants(os.getpid())))


def test_processes_end_with_whoever_started_them(tmp_path: Path) -> None:
    script = (
        "import signal; from pathlib import Path; from tests.cluster.bed.processes import start;"
        f"print(start('sleep', ['sleep', '600'], Path({str(tmp_path / 'log')!r})).popen.pid,"
        " flush=True); signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = Path("/proc", parent.stdout.readline().strip())
    wait_until(lambda: (child / "comm").read_text() == "sleep\n", "it has started")
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(
        lambda: not child.exists() or "(sleep) Z" in (child / "stat").read_text(), "it has ended"
    )
