"""Every example of the chart: its RayJobs and pods before a real API server with KubeRay's CRDs."""

from pathlib import Path

import pytest

from lingraft.stage import StageKind
from lingraft_operator.config import Config, load_config
from lingraft_operator.jobs.guard import check_pods
from lingraft_operator.jobs.rayjob import build_rayjob
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.chart import HelmError, config_text, render
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.kuberay import install_crds
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.chart_values import EXAMPLES
from tests.unit.operator.shapes import request

pytestmark = pytest.mark.usefixtures("helm_binary")
KINDS: tuple[StageKind, ...] = ("corpus", "embed", "finetune", "graft")


def config_of(values: Object, folder: Path) -> Config:
    file = folder / "config.yaml"
    file.write_text(config_text(render(values)))
    config = load_config(file)
    check_pods(config)
    return config


def rayjobs(config: Config, namespace: str) -> list[Object]:
    made: list[Object] = []
    for kind in KINDS:
        asked = request(kind, config.pools["small" if kind in ("corpus", "embed") else "large"])
        body = build_rayjob(asked, config)
        body["metadata"]["namespace"] = namespace
        made.append(body)
    return made


def templates(rayjob: Object) -> list[Object]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]
    return [group["template"] for group in groups]


def refusal(api: Api, path: str, body: Object) -> str:
    """What the API server has against an object; it does not keep it."""
    try:
        api.request("POST", path, body, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        return error.message
    return ""


@pytest.fixture(scope="module")
def restricted(control_plane: ControlPlane) -> str:
    """A namespace that takes restricted pods only."""
    install_crds(control_plane.admin)
    control_plane.namespace("examples")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    control_plane.admin.merge("/api/v1/namespaces/examples", {"metadata": {"labels": labels}})
    accounts = "/api/v1/namespaces/examples/serviceaccounts"
    control_plane.admin.create(accounts, {"metadata": {"name": "ray"}})
    return "examples"


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_an_example_makes_is_taken(
    control_plane: ControlPlane, restricted: str, example: str, tmp_path: Path
) -> None:
    api, pods = control_plane.admin, f"/api/v1/namespaces/{restricted}/pods"
    for rayjob in rayjobs(config_of(EXAMPLES[example], tmp_path), restricted):
        assert refusal(api, rayjob_path(restricted), rayjob) == ""
        for template in templates(rayjob):
            pod = template | {"metadata": template["metadata"] | {"name": "pod"}}
            assert refusal(api, pods, pod) == ""


def test_a_pod_that_would_not_be_restricted_is_refused_there(
    control_plane: ControlPlane, restricted: str, tmp_path: Path
) -> None:
    """So that the test above can fail."""
    spec = {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
    values = {"pools": {"small": {"restricted": False, "podTemplate": {"spec": spec}}}}
    (corpus, *_) = rayjobs(config_of(values, tmp_path), restricted)
    pod = templates(corpus)[0]
    pod["metadata"]["name"] = "pod"
    path = f"/api/v1/namespaces/{restricted}/pods"
    assert 'violates PodSecurity "restricted' in refusal(control_plane.admin, path, pod)


def test_the_examples_do_what_they_say(tmp_path: Path) -> None:
    openshift = config_of(EXAMPLES["openshift"], tmp_path)
    for rayjob in rayjobs(openshift, "examples"):
        for template in templates(rayjob):
            assert "runAsUser" not in template["spec"]["securityContext"]
    (operator,) = [m for m in render(EXAMPLES["openshift"]) if m["kind"] == "Deployment"]
    assert "runAsUser" not in operator["spec"]["template"]["spec"]["securityContext"]
    mesh = templates(rayjobs(config_of(EXAMPLES["istio"], tmp_path), "examples")[1])
    assert {t["metadata"]["labels"]["sidecar.istio.io/inject"] for t in mesh} == {"true"}
    (head,) = templates(rayjobs(config_of(EXAMPLES["karpenter"], tmp_path), "examples")[3])[:1]
    assert head["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
    amd = templates(rayjobs(config_of(EXAMPLES["amd"], tmp_path), "examples")[2])[-1]
    assert amd["spec"]["containers"][0]["resources"]["limits"]["amd.com/gpu"] == "1"


@pytest.mark.parametrize(
    "template",
    [
        {"metadata": {"labels": {"lingraft.dev/holder": "me"}}},
        {"spec": {"containers": [{"name": "ray-head", "command": ["sh"]}]}},
        {"spec": {"hostNetwork": True}},
        {"spec": {"volumes": [{"emptyDir": {}}]}},
    ],
)
def test_the_schema_refuses_what_the_operator_would(template: Object) -> None:
    with pytest.raises(HelmError, match=r"podTemplate|lingraft\.dev/holder"):
        render({"pools": {"small": {"podTemplate": template}}})


def test_null_takes_a_field_out_through_helm(tmp_path: Path) -> None:
    template = {"spec": {"securityContext": {"fsGroup": None}}}
    config = config_of({"pools": {"small": {"podTemplate": template}}}, tmp_path)
    (pod, *_) = templates(rayjobs(config, "examples")[0])
    assert "fsGroup" not in pod["spec"]["securityContext"]
    assert "runAsUser" in pod["spec"]["securityContext"]
