"""examples/serve: through the real kustomize, API server and KubeRay."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.cluster.bed.bed import Bed
from tests.cluster.bed.chart import ensure_namespace
from tests.cluster.bed.processes import wait_until
from tests.cluster.conftest import need
from tools.chart import ROOT
from tools.kube.build import binary

FOLDER = ROOT / "examples" / "serve"
PATH = "/apis/ray.io/v1/namespaces/models/rayservices"
CLUSTERS = "/apis/ray.io/v1/namespaces/models/rayclusters"


@pytest.fixture
def rendered() -> list[dict[str, Any]]:
    """What `kubectl kustomize` makes of it."""
    need(lambda: binary("kubectl"))
    command = [str(binary("kubectl")), "kustomize", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return list(yaml.safe_load_all(done.stdout))


def test_kuberay_takes_the_service_and_makes_its_cluster(
    bed: Bed, rendered: list[dict[str, Any]]
) -> None:
    parts = {one["kind"]: one for one in rendered}
    assert set(parts) == {"ConfigMap", "RayService"}
    assert "languages.py" in parts["ConfigMap"]["data"]
    service = parts["RayService"]
    groups = service["spec"]["rayClusterConfig"]
    for pod in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        (app,) = [one for one in pod["template"]["spec"]["volumes"] if one["name"] == "app"]
        assert app["configMap"]["name"] == parts["ConfigMap"]["metadata"]["name"]
    served = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"][0]
    assert set(served["args"]) == {"base", "packs"} and served["import_path"] == "languages:build"

    ensure_namespace(bed.cluster, "models")
    strict: Any = {"fieldValidation": "Strict"}
    bed.api.request("POST", PATH, service, **strict)
    try:
        wait_until(lambda: bed.api.list(CLUSTERS), "KubeRay makes its RayCluster", seconds=120)
        (made,) = bed.api.list(CLUSTERS)
        spec = made["spec"]
        assert spec["workerGroupSpecs"][0]["groupName"] == "readers"
    finally:
        bed.api.delete(f"{PATH}/languages")
        wait_until(lambda: not bed.api.list(CLUSTERS), "it is gone", seconds=120)
