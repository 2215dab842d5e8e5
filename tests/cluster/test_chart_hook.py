"""`helm test`: its script, with its own rights, on a real API server; tests play the operator."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lingraft.resource import LanguageAdaptation
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.chart import NAMESPACE, apply, apply_chart, one, render
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import wait_until
from tests.cluster.chart_values import EVERYTHING, EXAMPLES

NAME = "chart-test-lingraft-test"
"""Of the release `chart-test`, which other tests apply too."""


def hooks(values: Object) -> list[Object]:
    return [
        m
        for m in render(values, release="chart-test")
        if m["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"
    ]


def resource_of(pod: Object) -> Object:
    """What the pod will see: Kubernetes takes $$ for $."""
    values = {e["name"]: e["value"] for e in pod["spec"]["containers"][0]["env"]}
    return json.loads(values["RESOURCE"].replace("$$", "$"))


def test_the_pod_gets_the_spec_as_it_was_given() -> None:
    pod = one(hooks(EVERYTHING), "Pod", component="test")
    assert resource_of(pod)["spec"] == EVERYTHING["test"]["spec"]
    assert pod["spec"]["activeDeadlineSeconds"] == 120


def test_the_example_is_a_valid_resource() -> None:
    pod = one(hooks(EXAMPLES["helm-test"]), "Pod", component="test")
    assert LanguageAdaptation.model_validate(resource_of(pod)).metadata.namespace == "models"


def test_rights_go_when_the_test_is_over_and_the_log_stays() -> None:
    policy = "helm.sh/hook-delete-policy"
    found = {m["kind"]: m["metadata"]["annotations"][policy] for m in hooks(EVERYTHING)}
    assert found.pop("Pod") == "before-hook-creation"
    assert found.keys() == {"ServiceAccount", "Role", "RoleBinding"}
    assert all("hook-succeeded" in one and "hook-failed" in one for one in found.values())


class Run:
    """The script as a process, as its ServiceAccount."""

    def __init__(self, cluster: ControlPlane, namespace: str, timeout: int) -> None:
        test = EXAMPLES["helm-test"]["test"] | {"namespace": namespace, "timeoutSeconds": timeout}
        manifests = hooks(EXAMPLES["helm-test"] | {"test": test})
        for manifest in manifests:
            if manifest["kind"] != "Pod":
                apply(cluster.admin, manifest)
        (container,) = one(manifests, "Pod", component="test")["spec"]["containers"]
        environment = {e["name"]: e["value"].replace("$$", "$") for e in container["env"]}
        self.kubeconfig = cluster.service_account_kubeconfig(NAMESPACE, NAME)
        python, option, script = container["command"]
        assert (python, option) == ("python", "-c")
        self.process = subprocess.Popen(
            [sys.executable, "-c", script.replace("$$", "$")],
            env=os.environ | environment | {"KUBECONFIG": str(self.kubeconfig)}
            | {"POLL_SECONDS": "0.1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def end(self) -> tuple[int, str]:
        """Exit code and output."""
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture
def api(control_plane: ControlPlane, helm_binary: None, namespace: str) -> Iterator[Api]:
    apply_chart(control_plane, release="chart-test")
    yield control_plane.admin


def collection(namespace: str) -> str:
    return f"/apis/lingraft.dev/v1alpha1/namespaces/{namespace}/languageadaptations"


def judge(api: Api, namespace: str, kind: str, message: str, **status: Any) -> None:
    """What the operator would write, once the resource is there."""
    path = f"{collection(namespace)}/{NAME}"
    wait_until(lambda: api.find(path), "the resource")
    condition = {"type": kind, "status": "True", "reason": "Test", "message": message,
                 "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
    body = {"status": {"observedGeneration": 1, "conditions": [condition], **status}}
    api.merge(f"{path}/status", body)


def test_it_succeeds_when_the_adaptation_is_ready(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    run = Run(control_plane, namespace, 60)
    judge(api, namespace, "Ready", "done", phase="Ready", artifacts={"model": "s3://lingraft/m/"})
    code, output = run.end()
    assert code == 0, output
    assert "Ready: done" in output and "s3://lingraft/m/" in output


def test_it_fails_with_the_reason_when_it_is_stalled_and_can_be_repeated(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    former = ""
    for message in ("no such bucket", "no such key"):
        run = Run(control_plane, namespace, 60)
        wait_until(lambda uid=former: uid_of(api, namespace) not in ("", uid), "a new resource")
        former = uid_of(api, namespace)
        judge(api, namespace, "Stalled", message, phase="Stalled")
        code, output = run.end()
        assert code == 1 and f"Stalled: {message}" in output, output


def uid_of(api: Api, namespace: str) -> str:
    """Of the resource, if it is there."""
    found = api.find(f"{collection(namespace)}/{NAME}")
    return found["metadata"]["uid"] if found else ""


def test_it_asks_again_where_the_api_server_does_not_answer(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    run = Run(control_plane, namespace, 60)
    wait_until(lambda: uid_of(api, namespace), "the resource")
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{NAME}"
    rules = api.get(role)["rules"]
    api.merge(role, {"rules": []})
    output = run.process.stdout
    assert output
    wait_until(lambda: "no answer" in output.readline(), "it was refused")
    api.merge(role, {"rules": rules})
    judge(api, namespace, "Ready", "done", phase="Ready")
    code, said = run.end()
    assert code == 0 and "Ready: done" in said, said


def test_it_gives_up_in_time(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    code, output = Run(control_plane, namespace, 1).end()
    assert code == 1 and "test.timeoutSeconds" in output, output


def test_its_rights_end_at_its_own_resource(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    Run(control_plane, namespace, 1).end()
    own = control_plane.service_account(NAMESPACE, NAME)
    assert own.get(f"{collection(namespace)}/{NAME}")
    for path in (
        collection(namespace),
        f"{collection(namespace)}/another",
        f"{collection('default')}/{NAME}",
        f"/api/v1/namespaces/{namespace}/secrets",
        f"/api/v1/namespaces/{NAMESPACE}/pods",
    ):
        with pytest.raises(ApiError) as error:
            own.get(path)
        assert error.value.code == 403, path
