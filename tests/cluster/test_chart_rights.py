"""The chart on a real API server: what it accepts, and what its roles allow and refuse."""

import itertools

import pytest
import yaml

from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.chart import NAMESPACE, apply, apply_chart, ensure_namespace, one, render
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import wait_until
from tests.cluster.chart_values import EVERYTHING, NAMESPACED, VARIANTS
from tools.chart import ROOT

RESOURCES = "languageadaptations"


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_the_api_server_accepts_every_manifest(
    control_plane: ControlPlane, other_crds: None, values: Object
) -> None:
    for manifest in render(values):
        ensure_namespace(control_plane, manifest["metadata"].get("namespace", NAMESPACE))
        if manifest["kind"] == "Pod":  # its own account is not there: this is a dry run
            manifest["spec"] |= {"serviceAccountName": "default"}
        apply(control_plane.admin, manifest, dry_run=True)


def test_its_pod_passes_the_restricted_standard(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    control_plane.admin.merge(path, {"metadata": {"labels": label}})
    pod: Object = one(render(EVERYTHING), "Deployment")["spec"]["template"]
    pod["metadata"]["generateName"] = "operator-"
    pod["spec"]["serviceAccountName"] = "default"
    control_plane.admin.request("POST", f"{path}/pods", pod, dryRun="All")
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match="restricted"):
        control_plane.admin.request("POST", f"{path}/pods", pod, dryRun="All")


def bind(api: Api, role: str, user: str) -> None:
    """Give a user one of Kubernetes' own roles in the default namespace."""
    group = "rbac.authorization.k8s.io"
    body: Object = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": "default"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    apply(api, body)


def may(api: Api, user: str, verb: str) -> bool:
    """Whether the user may do this to LanguageAdaptations of the default namespace."""
    attributes = {"namespace": "default", "verb": verb, "group": "lingraft.dev"}
    attributes["resource"] = "languageadaptations"
    review = {"spec": {"user": user, "resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return api.create(path, review)["status"]["allowed"]


def test_who_may_edit_a_namespace_may_edit_its_resources(control_plane: ControlPlane) -> None:
    apply_chart(control_plane, release="chart-test")
    admin = control_plane.admin
    for role in ("admin", "edit", "view"):
        bind(admin, role, user=f"test-{role}")
    # The controller-manager aggregates roles some time after they are made.
    for role, verb in itertools.product(("admin", "edit"), ("get", "create", "delete")):
        wait_until(lambda r=role, v=verb: may(admin, f"test-{r}", v), f"{role}: {verb}")
    wait_until(lambda: may(admin, "test-view", "get"), "view: get")
    assert not may(admin, "test-view", "create")
    assert not may(admin, "test-view", "delete")


def readable(api: Api, namespace: str = "") -> list[str]:
    """Which kinds can be listed, in the cluster or in one namespace."""
    kinds = {
        "/api/v1": ("pods", "secrets", "configmaps", "nodes", "namespaces", "serviceaccounts"),
        "/apis/apps/v1": ("deployments",),
        "/apis/events.k8s.io/v1": ("events",),
        "/apis/lingraft.dev/v1alpha1": (RESOURCES,),
        "/apis/rbac.authorization.k8s.io/v1": ("roles", "clusterroles"),
        "/apis/apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    }
    scope = f"/namespaces/{namespace}" if namespace else ""
    found: list[str] = []
    for group, names in kinds.items():
        for name in names:
            try:
                api.list(f"{group}{scope}/{name}", limit="1")
                found.append(name)
            except ApiError as error:
                assert error.code == 403
    return found


def test_the_operator_reads_three_kinds_and_no_others(control_plane: ControlPlane) -> None:
    applied = apply_chart(control_plane, release="chart-test")
    operator = control_plane.service_account(applied.namespace, applied.service_account)
    assert readable(operator) == ["pods", "events", RESOURCES]
    assert readable(operator, NAMESPACE) == ["pods", "events", RESOURCES]


def test_the_operator_of_a_list_of_namespaces_reads_there_only(control_plane: ControlPlane) -> None:
    values = NAMESPACED | {"crds": {"enabled": True}}
    applied = apply_chart(control_plane, values, release="chart-narrow")
    operator = control_plane.service_account(applied.namespace, applied.service_account)
    assert readable(operator) == []
    assert readable(operator, NAMESPACE) == []
    for namespace in values["namespaces"]:
        assert readable(operator, namespace) == ["pods", "events", RESOURCES]


def test_status_is_applied_with_patch_alone(control_plane: ControlPlane, namespace: str) -> None:
    applied = apply_chart(control_plane, release="chart-test")
    operator = control_plane.service_account(applied.namespace, applied.service_account)
    collection = f"/apis/lingraft.dev/v1alpha1/namespaces/{namespace}/languageadaptations"
    resource: Object = yaml.safe_load((ROOT / "examples" / "swahili.yaml").read_text())
    resource["metadata"]["namespace"] = namespace
    control_plane.admin.create(collection, resource)
    head = {key: resource[key] for key in ("apiVersion", "kind", "metadata")}
    status: Object = head | {"status": {"phase": "Pending"}}
    found = operator.apply(f"{collection}/swahili/status", status, "lingraft")
    assert found["status"]["phase"] == "Pending"
    with pytest.raises(ApiError) as error:
        operator.apply(f"{collection}/swahili", resource, "lingraft")
    assert error.value.code == 403
    control_plane.admin.delete(f"{collection}/swahili")
    with pytest.raises(ApiError) as error:
        operator.apply(f"{collection}/swahili/status", status, "lingraft")
    assert error.value.code == 404, "a late write makes no resource anew"
