"""KubeRay's CRDs of several versions, before the real API server."""

from collections.abc import Callable, Iterator

import pytest
import urllib3
import yaml

from lingraft_operator.start.kuberay import sample
from tests.cluster.bed.api import ApiError, Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.kuberay import install, install_crds
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.cluster.conftest import need
from tools.crds import build as crds

LACKS = {
    "1.4": ["preRunningDeadlineSeconds", "authOptions"],
    "1.5": ["preRunningDeadlineSeconds"],
    "1.6": [],
}


@pytest.fixture
def kuberay_of(bed: Bed) -> Iterator[Callable[[str], None]]:
    """Puts the RayJobs' CRD of a version in place; the pinned one is there again after the test."""
    need(crds.folder)

    def put(version: str) -> None:
        file = crds.folder() / f"kuberay-{version}" / "ray.io_rayjobs.yaml"
        definition: Object = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        spec = definition["spec"]
        spec["versions"] = [one for one in spec["versions"] if one["name"] == "v1"]
        install(bed.api, [definition])
        wait_until(lambda: says(bed) == LACKS[version], f"the schema of {version} is used")

    yield put
    install_crds(bed.api)
    wait_until(lambda: not says(bed), "the pinned schema is used")


def says(bed: Bed) -> list[str]:
    """Which fields of ours the API server does not know, by its own words."""
    try:
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        bed.api.request("POST", rayjob_path("default"), sample("default"), **query)
    except ApiError as error:
        return [name for name in LACKS["1.4"] if name in error.message]
    return []


def test_what_a_version_lacks_is_named(
    bed: Bed, control_plane: ControlPlane, operator: Operator, kuberay_of: Callable[[str], None]
) -> None:
    """And the operator that starts meanwhile waits, alive and not ready, until it is there."""
    operator.stop()
    for version in ("1.4", "1.5"):
        kuberay_of(version)
        operator.start()
        assert operator.alive() and not ready(operator)
        (*_, last) = operator.lines()
        assert "KubeRay 1.6" in last["message"]
        assert all(name in last["message"] for name in LACKS[version])
        assert operator.stop() == 0
    operator.start()
    kuberay_of("1.6")
    wait_until(lambda: ready(operator), "the operator goes on by itself")


def ready(operator: Operator) -> bool:
    """Whether its readiness probe succeeds."""
    try:
        url = f"http://127.0.0.1:{operator.health}/healthz?ready"
        return urllib3.request("GET", url, retries=False, timeout=10).status == 200
    except urllib3.exceptions.HTTPError:
        return False
