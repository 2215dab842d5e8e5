"""What GitOps tools see on a real API server: statuses as recorded, kubectl wait, helm --wait."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed.adaptations import Adaptations
from tests.cluster.bed.api import Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.chart import HelmError, helm
from tests.cluster.bed.operator import Operator, chart_values
from tests.cluster.bed.processes import free_ports
from tests.cluster.record_statuses import STATES, file_of, reconciling, record, shape
from tests.integration.seaweed import Seaweed
from tests.unit.gitops.judges import argo, flux


def compare(state: str, fresh: Object) -> None:
    """With what was recorded, or record it; see `record_statuses`."""
    if os.environ.get("LINGRAFT_RECORD"):
        record(state, fresh)
    known = yaml.safe_load(file_of(state).read_text())
    assert shape(fresh) == shape(known)
    assert (argo(fresh)[0], flux(fresh)) == (argo(known)[0], flux(known))


@pytest.mark.parametrize("state", STATES)
def test_a_status_is_as_it_was_recorded(
    state: str, operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    compare(state, STATES[state](adaptations, bed))


def test_a_status_is_as_it_was_recorded_while_the_operator_cannot_reach_the_store(
    operator: Operator, adaptations: Adaptations, bed: Bed, s3: Seaweed
) -> None:
    operator.stop()
    (nobody,) = free_ports(1)
    environment = s3.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{nobody}"}
    with Operator(bed.cluster, chart_values(s3.endpoint), environment, "cut-off"):
        compare("store-unavailable", reconciling(adaptations, "StoreUnavailable"))


def wait_for(adaptations: Adaptations, bed: Bed, what: str, seconds: int) -> str:
    """`kubectl wait --for=WHAT` for the resource `french`."""
    where = f"--namespace={adaptations.namespace}"
    return bed.cluster.kubectl("wait", "la/french", where, f"--for={what}", f"--timeout={seconds}s")


def test_kubectl_waits_until_a_resource_is_ready(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("french", tasks=[])
    assert "condition met" in wait_for(adaptations, bed, "condition=Ready", 60)
    assert "condition met" in wait_for(adaptations, bed, "jsonpath={.status.phase}=Ready", 5)


def test_kubectl_does_not_take_an_old_ready_for_the_new_generation(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("french", tasks=[])
    adaptations.wait("french")
    operator.stop()
    adaptations.edit("french", tasks=[adaptations.task("topic")])
    with pytest.raises(subprocess.CalledProcessError) as refused:
        wait_for(adaptations, bed, "condition=Ready", 1)
    assert "timed out" in refused.value.stderr
    operator.start()
    wait_for(adaptations, bed, "condition=Ready", 60)
    status = adaptations.get("french")["status"]
    assert status["observedGeneration"] == 2


def test_kubectl_waits_for_a_stalled_resource_too(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("french", corpus={"uri": f"{adaptations.texts}nowhere/"})
    assert "condition met" in wait_for(adaptations, bed, "condition=Stalled", 60)


def install(adaptations: Adaptations, bed: Bed, folder: Path, seconds: int, **spec: Any) -> str:
    """`helm install --wait` of a chart that holds nothing but the resource `french`."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: french\nversion: 0.0.1\n")
    body = yaml.safe_dump(adaptations.body("french", **spec))
    (folder / "templates" / "french.yaml").write_text(body)
    return helm(
        "install",
        "french",
        str(folder),
        "--wait",
        f"--timeout={seconds}s",
        f"--namespace={adaptations.namespace}",
        f"--kubeconfig={bed.cluster.kubeconfig()}",
    )


def test_helm_waits_until_a_resource_is_ready(
    operator: Operator, adaptations: Adaptations, bed: Bed, tmp_path: Path
) -> None:
    bed.behaviours.set("embed", seconds=4)
    assert "STATUS: deployed" in install(adaptations, bed, tmp_path / "chart", 45, tasks=[])
    assert adaptations.get("french")["status"]["phase"] == "Ready"


def test_helm_waits_for_an_operator_that_is_away(
    operator: Operator, adaptations: Adaptations, bed: Bed, tmp_path: Path
) -> None:
    operator.stop()
    with pytest.raises(HelmError, match="InProgress"):
        install(adaptations, bed, tmp_path / "chart", 5, tasks=[])


def test_helm_sees_that_a_resource_is_stalled(
    operator: Operator, adaptations: Adaptations, bed: Bed, tmp_path: Path
) -> None:
    wrong = {"uri": f"{adaptations.texts}nowhere/"}
    with pytest.raises(HelmError, match="Failed"):
        install(adaptations, bed, tmp_path / "chart", 20, corpus=wrong)
    assert adaptations.get("french")["status"]["phase"] == "Stalled"
