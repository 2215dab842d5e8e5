"""helm installs, upgrades, removes and installs again, with docs/install.md's own values.

On a control plane without nodes: no pod starts, but every object is there and goes.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import HelmError, apply, ensure_namespace, helm
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import wait_until
from tests.cluster.chart_values import EVERYTHING, documented_values
from tools.chart import CHART, ROOT
from tools.kube.build import binary

RELEASE, SYSTEM = "lifecycle-lingraft", "lifecycle"
CRD_FILE = "lingraft.dev_languageadaptations"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/languageadaptations.lingraft.dev"
OBJECTS = {
    "policy": f"/apis/networking.k8s.io/v1/namespaces/{SYSTEM}/networkpolicies/{RELEASE}",
    "ray policy": f"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/{RELEASE}-ray",
    "monitor": f"/apis/monitoring.coreos.com/v1/namespaces/{SYSTEM}/servicemonitors/{RELEASE}",
    "pod monitor": f"/apis/monitoring.coreos.com/v1/namespaces/{SYSTEM}/podmonitors/{RELEASE}-ray",
    "rules": f"/apis/monitoring.coreos.com/v1/namespaces/{SYSTEM}/prometheusrules/{RELEASE}",
    "deployment": f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{RELEASE}",
    "role": f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{RELEASE}",
}


@pytest.fixture
def release(
    control_plane: ControlPlane, helm_binary: None, other_crds: None
) -> Iterator[Callable[..., str]]:
    """helm on the control plane; called with a command, its options, and values."""
    for name in (SYSTEM, "models"):
        ensure_namespace(control_plane, name)
    options = [f"--kubeconfig={control_plane.kubeconfig()}", f"--namespace={SYSTEM}"]

    def call(command: str, *more: str, values: Object | None = None) -> str:
        return helm(command, RELEASE, *more, *options, values=values)

    yield call
    call("uninstall", "--ignore-not-found")


def there(cluster: ControlPlane) -> set[str]:
    return {name for name, path in OBJECTS.items() if cluster.admin.find(path)}


def test_install_upgrade_uninstall_and_install_over_the_kept_crd(
    control_plane: ControlPlane, release: Callable[..., str]
) -> None:
    admin, chart = control_plane.admin, str(CHART)
    # Other tests of this session applied the CRD by hand.
    release("install", chart, "--take-ownership", values=documented_values())
    assert there(control_plane) == {"deployment", "role"}
    resources = "/apis/lingraft.dev/v1alpha1/namespaces/models/languageadaptations"
    kept: Object = yaml.safe_load((ROOT / "examples" / "swahili.yaml").read_text())
    created = admin.create(resources, kept)["metadata"]["uid"]

    release("upgrade", chart, values=EVERYTHING)
    assert there(control_plane) == OBJECTS.keys()
    release("rollback", "1")
    wait_until(lambda: there(control_plane) == {"deployment", "role"}, "the first state is back")

    release("uninstall")
    wait_until(lambda: not there(control_plane), "the release's objects are gone")
    assert admin.get(f"{resources}/swahili")["metadata"]["uid"] == created

    release("install", chart, values=documented_values())
    assert admin.get(f"{resources}/swahili")["metadata"]["uid"] == created
    assert admin.get(CRD)["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    admin.delete(f"{resources}/swahili")


def test_an_upgrade_after_which_nothing_could_go_on_is_told_twice(
    release: Callable[..., str],
) -> None:
    chart, full = str(CHART), documented_values() | {"namespaces": ["default", "models"]}
    release("install", chart, "--take-ownership", values=full)
    for field, less in {
        "access": {"access": []},
        "store": {"store": None},
        "namespaces": {"namespaces": ["models"]},
    }.items():
        assert full.get(field), f"documented_values has no {field}"
        with pytest.raises(HelmError, match=f"{field}: this upgrade would"):
            release("upgrade", chart, values=full | less)
        release("upgrade", chart, values=full | less | {"allowShrinking": True})
        release("upgrade", chart, values=full | {"allowShrinking": True})
    release("upgrade", chart, values=full | {"namespaces": []})
    with pytest.raises(HelmError, match="watch all others no longer"):
        release("upgrade", chart, values=full)


def test_a_crd_that_helm_installed_is_upgraded_by_kubectl(
    control_plane: ControlPlane, release: Callable[..., str]
) -> None:
    release("install", str(CHART), "--take-ownership")
    release("uninstall")
    crd: Object = yaml.safe_load((CHART / "files" / "crds" / f"{CRD_FILE}.yaml").read_text())
    former = deepcopy(crd)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["description"] = "Changed."

    def kubectl_apply(*more: str) -> subprocess.CompletedProcess[str]:
        kubectl = [binary("kubectl"), "--kubeconfig", str(control_plane.kubeconfig())]
        command = [*kubectl, "apply", "--server-side", *more, "-f", "-"]
        return subprocess.run(command, input=json.dumps(crd), capture_output=True, text=True)

    refused = kubectl_apply()
    assert "conflict" in refused.stderr, refused.stderr
    documented = "kubectl apply --server-side --force-conflicts -f crds/"
    assert documented in (ROOT / "docs" / "install.md").read_text()
    done = kubectl_apply("--force-conflicts")
    assert done.returncode == 0, done.stderr
    (version, *_) = control_plane.admin.get(CRD)["spec"]["versions"]
    assert version["schema"]["openAPIV3Schema"]["description"] == "Changed."
    apply(control_plane.admin, former)


def test_another_release_does_not_take_the_crd_by_accident(
    control_plane: ControlPlane, release: Callable[..., str], tmp_path: Path
) -> None:
    release("install", str(CHART), "--take-ownership")
    options = [f"--kubeconfig={control_plane.kubeconfig()}", f"--namespace={SYSTEM}"]
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        helm("install", "another", str(CHART), *options)
    values = {"crds": {"enabled": False}}
    helm("install", "another", str(CHART), *options, values=values)
    helm("uninstall", "another", *options)
