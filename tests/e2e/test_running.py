"""What can be seen of a run in the middle of `embed`; at last it is deleted."""

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.cluster.bed.adaptations import Adaptations
from tests.cluster.bed.processes import start, wait_until
from tests.e2e.bed.bed import Bed
from tests.e2e.reach import API_SERVER, S3, reached
from tests.e2e.runs import READY_SECONDS, START_SECONDS, Disturbed, Finished
from tools.kube.build import binary

pytestmark = pytest.mark.timeout(READY_SECONDS + 2 * START_SECONDS)
GRACE_SECONDS = 60 + 30
"""The grace period of Ray's pods, and a little."""
_TOKEN = """
import os
print(str(os.path.exists("/var/run/secrets/kubernetes.io")).lower())
"""
_METRICS = """
import json, socket, urllib.request
url = f"http://{socket.gethostbyname(socket.gethostname())}:8080/metrics"
print(json.dumps(urllib.request.urlopen(url, timeout=10).read().decode()))
"""


@pytest.fixture(scope="module")
def run(bed: Bed, adaptations: Adaptations, finished: Finished) -> Iterator[Disturbed]:
    """The run."""
    disturbed = Disturbed(bed, adaptations, finished, "running")
    disturbed.start()
    yield disturbed
    disturbed.clear()


def told(run: Disturbed, node_type: str, script: str) -> Any:
    """What a script says in a Ray pod of the run."""
    (pod,) = run.pods(node_type)
    where = (f"--namespace={run.adaptations.namespace}", pod["metadata"]["name"])
    said = run.bed.cluster.kubectl("exec", *where, "--", "python", "-c", script)
    return json.loads(said.splitlines()[-1])


@pytest.mark.parametrize("node_type", ["head", "worker"])
def test_a_ray_pod_has_no_token_and_no_way_to_the_api_server(
    run: Disturbed, node_type: str
) -> None:
    assert told(run, node_type, _TOKEN) is False
    (pod,) = run.pods(node_type)
    name = pod["metadata"]["name"]
    assert reached(run.bed, run.adaptations.namespace, name, (API_SERVER, S3)) == {S3}


def test_training_is_among_rays_metrics(run: Disturbed) -> None:
    """On the port that KubeRay names `metrics`, of the pod with the worker of rank 0."""
    digest = run.embed.stage.digest[:12]

    def scraped() -> dict[str, float]:
        pattern = r"^ray_lingraft_train_(\w+)\{(.*)\} (\S+)$"
        lines = re.findall(pattern, told(run, "worker", _METRICS), re.MULTILINE)
        return {name: float(value) for name, labels, value in lines if digest in labels}

    wait_until(lambda: len(scraped()) == 3, "training is shown")
    found = scraped()
    assert found["loss"] > 0
    assert found["tokens_per_second"] > 0
    assert 0 < found["progress_ratio"] <= 1


def test_the_dashboard_asks_for_the_token(run: Disturbed, tmp_path: Path) -> None:
    """As docs/install.md says: `kubectl port-forward`, and the token from the Secret."""
    cluster, where = run.bed.cluster, f"--namespace={run.adaptations.namespace}"
    name = run.rayjob()["status"]["rayClusterName"]
    secret = json.loads(cluster.kubectl("get", "secret", name, where, "--output=json"))
    token = base64.b64decode(secret["data"]["auth_token"]).decode()
    command = [binary("kubectl"), f"--kubeconfig={cluster.kubeconfig()}", where]
    command += ["port-forward", f"service/{name}-head-svc", ":8265"]
    log = tmp_path / "port-forward.log"
    forward = start("port-forward", command, log)
    try:
        wait_until(lambda: "-> 8265" in log.read_text(), "it forwards", forward)
        (port,) = set(re.findall(r":(\d+) -> 8265", log.read_text()))

        def status(**headers: str) -> int:
            url = f"http://localhost:{port}/api/jobs/"
            return urllib3.request("GET", url, headers=headers, timeout=30).status

        assert status() == 401
        assert status(Authorization="Bearer wrong") == 403
        assert status(Authorization=f"Bearer {token}") == 200
    finally:
        forward.kill()


def test_a_deleted_run_leaves_no_pod(run: Disturbed) -> None:
    assert run.pods()
    started = time.monotonic()
    run.adaptations.delete(run.name)
    wait_until(lambda: not run.pods(), "no pod is left", seconds=GRACE_SECONDS)
    print(f"no pod after {time.monotonic() - started:.0f} s")
    assert not run.rayjobs()
