"""The chart, rendered by the real helm."""

import re
from pathlib import Path

import pytest
import yaml

from lingraft.places import in_namespace
from lingraft_operator.config import Config, load_config
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import (
    NAMESPACE,
    RELEASE,
    HelmError,
    config_text,
    helm,
    one,
    path_of,
    render,
)
from tests.cluster.chart_values import (
    DIGEST,
    EVERYTHING,
    EXAMPLES,
    NAMESPACED,
    VARIANTS,
    documented_values,
)
from tests.support.networkpolicy import selects
from tools.chart import CHART, ROOT

RULES = [
    {
        "apiGroups": ["lingraft.dev"],
        "resources": ["languageadaptations"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["lingraft.dev"],
        "resources": ["languageadaptations/status"],
        "verbs": ["patch"],
    },
    {
        "apiGroups": ["ray.io"],
        "resources": ["rayjobs"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "list"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["lingraft"],
        "verbs": ["get", "update"],
    },
]


AROUND = (
    "localhost,127.0.0.1,::1,[::1],.svc,.cluster.local,"
    "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::23,[fd00:ec2::23]"
)

pytestmark = pytest.mark.usefixtures("helm_binary")


def config_of(values: Object, folder: Path) -> Config:
    """The settings that the operator would start with."""
    file = folder / "config.yaml"
    file.write_text(config_text(render(values)))
    return load_config(file)


def container(manifests: list[Object]) -> Object:
    (found,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def cluster_role(manifests: list[Object], name: str) -> list[Object]:
    """The rules of a ClusterRole."""
    (found,) = [m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("ClusterRole", name)]
    return found["rules"]


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_lint_finds_nothing(values: Object) -> None:
    helm("lint", "--strict", str(CHART), values=values)


def test_the_operator_reads_every_setting_that_values_give(tmp_path: Path) -> None:
    given = EVERYTHING | {"namespaces": ["default"]}
    config = config_of(given, tmp_path)
    expected = {name: given[name] for name in given.keys() & _settings()} | {
        "trainerImage": "registry.example/trainer:1.2.3-cuda",
        "imagePullPolicy": "Always",
        "release": f"{NAMESPACE}/{RELEASE}",
        "proxy": {
            "HTTPS_PROXY": "http://proxy.example:3128",
            "NO_PROXY": f"s3.example,{AROUND}",
        },
    }
    assert expected.keys() == _settings()
    assert config == Config.model_validate(expected)
    default = config_of({}, tmp_path)
    fields = Config.model_fields.keys() - {"release"}
    same = [n for n in fields if getattr(config, n) == getattr(default, n)]
    assert not same, "a setting that EVERYTHING does not change is not tested"
    assert config.pools.small.model_fields_set == type(config.pools.small).model_fields.keys()


def _settings() -> set[str | None]:
    return {field.alias for field in Config.model_fields.values()}


def test_defaults_allow_no_uri_and_need_no_gpu(tmp_path: Path) -> None:
    config = config_of({}, tmp_path)
    assert config.access == ()
    assert (config.pools.small.gpus, config.pools.large.gpus) == (0, 0)
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert config.trainer_image == f"lingraft/trainer:{version}"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"pools": {"small": {"gpus": "many"}}}, "/pools/small/gpus"),
        ({"pools": {"small": {"gpu": 1}}}, "at '/pools/small': additional properties 'gpu'"),
        ({"pools": {"large": {"tolerations": [{"effect": "x"}]}}}, "/pools/large/tolerations/0/ef"),
        ({"pools": {"medium": {}}}, "'medium' not allowed"),
        ({"store": {"credentialsSecret": "s3"}}, "at '/store': missing property 'uri'"),
        ({"store": {"uri": "file:///tmp"}}, "/store/uri"),
        ({"access": [{"namespace": "a"}]}, "at '/access/0': missing property 'prefixes'"),
        # It would allow s3://models-of-others/ as well.
        ({"access": [{"namespace": "a", "prefixes": ["s3://models"]}]}, "/access/0/prefixes/0"),
        ({"access": [{"namespace": "a", "prefixes": ["file:///"]}]}, "/access/0/prefixes/0"),
        ({"namespaces": ["Models"]}, "/namespaces/0"),
        ({"namespaces": ["a", "a"]}, "/namespaces"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"image": {"trainer": {"digest": "sha256:1"}}}, "/image/trainer/digest"),
        ({"image": None}, "missing property 'image'"),
        ({"rayVersion": 2.6}, "/rayVersion"),
        ({"s3": {"endpoint": "minio:9000"}}, "/s3/endpoint"),
        ({"workers": 0}, "/workers"),
        ({"hubMirror": "https://mirror.example/"}, "/hubMirror"),
        ({"hubMirror": "s3://models"}, "/hubMirror"),
        ({"heartbeatTimeoutSeconds": 59}, "/heartbeatTimeoutSeconds"),
        ({"crds": {"enabled": "yes"}}, "/crds/enabled"),
        ({"networkPolicy": {"rayNamespaces": ["A"]}}, "/networkPolicy/rayNamespaces/0"),
        ({"networkPolicy": {"s3": {"to": []}}}, "/networkPolicy/s3"),
        ({"metrics": {"serviceMonitor": {"interval": "1 h"}}}, "/metrics/serviceMonitor/interval"),
        ({"metrics": {"podMonitor": {"interval": "1 h"}}}, "/metrics/podMonitor/interval"),
        ({"metrics": {"monitor": {}}}, "at '/metrics': additional properties 'monitor'"),
        ({"operator": {"tolerations": [{"effect": "x"}]}}, "/operator/tolerations/0/effect"),
        ({"operator": {"podLabels": {"a": 1}}}, "/operator/podLabels/a"),
        ({"test": {"timeoutSeconds": 0}}, "/test/timeoutSeconds"),
        ({"test": {"enabled": True, "spec": {}}}, "test.namespace is required"),
        ({"test": {"enabled": True, "namespace": "a"}}, "test.spec is required"),
        (
            {"test": {"enabled": True, "namespace": "a", "spec": {"language": "fr"}}}
            | {"namespaces": ["b"]},
            "test.namespace is not one of namespaces",
        ),
        ({"replicas": 2}, "'replicas' not allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_values_are_refused_by_name(values: Object, complaint: str) -> None:
    with pytest.raises(HelmError) as error:
        render(values)
    assert complaint in str(error.value)


def test_the_operator_may_do_no_more_than_it_does() -> None:
    manifests = render()
    assert cluster_role(manifests, RELEASE) == RULES
    binding = one(manifests, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == RELEASE
    account = {"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE}
    assert binding["subjects"] == [account]
    assert not [m for m in manifests if m["kind"].startswith("Role")]


def test_a_list_of_namespaces_gives_a_role_in_each_and_none_in_the_cluster() -> None:
    manifests = render(NAMESPACED)
    assert not [m for m in manifests if m["kind"].startswith(("Cluster", "CustomResource"))]
    for kind in ("Role", "RoleBinding"):
        found = [m for m in manifests if m["kind"] == kind]
        assert [m["metadata"]["namespace"] for m in found] == NAMESPACED["namespaces"]
        if kind == "Role":
            assert [m["rules"] for m in found] == [RULES, RULES]


def test_users_of_a_namespace_get_the_resource_and_nothing_else() -> None:
    manifests = render()
    resource = {"apiGroups": ["lingraft.dev"], "resources": ["languageadaptations"]}
    read = ["get", "list", "watch"]
    write = ["create", "update", "patch", "delete", "deletecollection"]
    assert cluster_role(manifests, f"{RELEASE}-view") == [resource | {"verbs": read}]
    edit = cluster_role(manifests, f"{RELEASE}-edit")
    assert edit == [resource | {"verbs": read + write}]


def test_the_crd_is_the_generated_one_and_outlives_the_release() -> None:
    found = one(render(), "CustomResourceDefinition")
    assert found["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    (file,) = (CHART / "files" / "crds").iterdir()
    assert found == yaml.load(file.read_bytes(), yaml.CSafeLoader)


def test_a_change_of_settings_restarts_the_operator() -> None:
    def checksum(values: Object) -> str:
        template = one(render(values), "Deployment")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert checksum({}) == checksum({"operator": {"resources": {}}})
    assert checksum({}) != checksum({"pollSeconds": 31})


def test_the_operator_reaches_s3_with_an_identity_of_its_own() -> None:
    assert "envFrom" not in container(render()) and "env" not in container(render())
    found = container(render(EVERYTHING))
    assert found["envFrom"] == [{"secretRef": {"name": "operator-s3"}}]
    environment = {e["name"]: e["value"] for e in found["env"]}
    assert environment["AWS_ENDPOINT_URL"] == "https://s3.example:9000"
    assert environment["AWS_DEFAULT_REGION"] == "eu-1"
    mounts = {m["name"]: m["mountPath"] for m in found["volumeMounts"]}
    assert Path(environment["AWS_CA_BUNDLE"]).parent == Path(mounts["ca"])
    account = one(render(EVERYTHING), "ServiceAccount")
    assert account["metadata"]["annotations"] == EVERYTHING["serviceAccount"]["annotations"]


def test_the_operator_knows_the_mirror_of_the_hub() -> None:
    for values, mirror in ((EVERYTHING, "s3://models/hub/"), ({"hubMirror": "s3://h/"}, "s3://h/")):
        environment = {e["name"]: e["value"] for e in container(render(values))["env"]}
        assert environment["LINGRAFT_HUB_MIRROR"] == mirror


def test_the_operator_and_its_test_run_where_they_are_sent() -> None:
    names = ("nodeSelector", "tolerations", "affinity", "priorityClassName")
    sent = {name: EVERYTHING["operator"][name] for name in names}
    manifests = render(EVERYTHING)
    template = one(manifests, "Deployment")["spec"]["template"]
    for spec in (template["spec"], one(manifests, "Pod", component="test")["spec"]):
        assert {key: spec.get(key) for key in sent} == sent
    assert not sent.keys() & one(render(), "Deployment")["spec"]["template"]["spec"].keys()


def test_own_labels_and_annotations_come_beside_the_charts() -> None:
    deployment = one(render(EVERYTHING), "Deployment")["spec"]
    metadata = deployment["template"]["metadata"]
    assert metadata["labels"]["team"] == metadata["annotations"]["team"] == "a"
    assert metadata["annotations"]["checksum/config"] != "mine"
    assert deployment["selector"]["matchLabels"].items() <= metadata["labels"].items()


def test_the_pod_monitor_finds_the_ray_pods_of_watched_namespaces() -> None:
    values = {"metrics": {"podMonitor": {"enabled": True}}}
    spec = one(render(values), "PodMonitor")["spec"]
    assert spec["namespaceSelector"] == {"any": True}
    golden = ROOT / "tests" / "unit" / "operator" / "golden" / "workers-with-gpus.yaml"
    cluster = yaml.safe_load(golden.read_text())["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert selects(spec["selector"], group["template"]["metadata"]["labels"])
    operator = one(render(values), "Deployment")["spec"]["template"]
    assert not selects(spec["selector"], operator["metadata"]["labels"])
    narrow = one(render(NAMESPACED | values), "PodMonitor")["spec"]
    assert narrow["namespaceSelector"] == {"matchNames": NAMESPACED["namespaces"]}


def test_a_digest_wins_over_a_tag() -> None:
    image = {"operator": {"tag": "1", "digest": DIGEST}}
    assert container(render({"image": image}))["image"] == f"lingraft/operator@{DIGEST}"


def test_two_releases_share_a_cluster() -> None:
    def names(release: str, values: Object) -> set[tuple[str, str, str]]:
        found = render(values, release=release)
        return {(m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"])
                for m in found}  # fmt: skip

    assert not names("team-a", {}) & names("team-b", {"crds": {"enabled": False}})


def test_who_may_use_the_resource_does_not_hang_on_who_installs_the_crd() -> None:
    roles = {m["metadata"]["name"] for m in render({"crds": {"enabled": False}})
             if m["kind"] == "ClusterRole"}  # fmt: skip
    assert roles == {RELEASE, f"{RELEASE}-edit", f"{RELEASE}-view"}
    without = render({"userRoles": {"enabled": False}})
    assert [m["metadata"]["name"] for m in without if m["kind"] == "ClusterRole"] == [RELEASE]


def layered(example: str, folder: Path) -> list[Object]:
    """The manifests of an example as a second --values after the documentation's."""
    first = folder / "values.yaml"
    first.write_text(yaml.safe_dump(documented_values()))
    options = [f"--namespace={NAMESPACE}", f"--values={first}"]
    text = helm("template", RELEASE, str(CHART), *options, values=EXAMPLES[example])
    return [m for m in yaml.load_all(text, yaml.CSafeLoader) if m]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_on_top_of_the_documented_values_takes_no_access_away(
    example: str, tmp_path: Path
) -> None:
    found = yaml.safe_load(config_text(layered(example, tmp_path)))
    given = documented_values()
    assert found["access"] == given["access"]
    image = given["image"]["trainer"]
    assert found["trainerImage"] == f"{image['repository']}:{image['tag']}"


def test_the_smoke_test_names_only_what_the_documented_values_allow() -> None:
    (access,) = documented_values()["access"]
    spec = EXAMPLES["helm-test"]["test"]["spec"]
    uris = re.findall("s3://[^']*", str(spec))
    assert len(uris) == 4 and EXAMPLES["helm-test"]["test"]["namespace"] == access["namespace"]
    prefixes = [in_namespace(prefix, access["namespace"]) for prefix in access["prefixes"]]
    assert all(uri.startswith(tuple(prefixes)) for uri in uris)


def test_with_workload_identity_no_secret_of_the_documented_values_is_left(tmp_path: Path) -> None:
    manifests = layered("workload-identity", tmp_path)
    assert "envFrom" not in container(manifests)
    assert "s3-credentials" not in yaml.safe_dump_all(manifests)


def test_a_package_is_the_chart_and_works_as_a_subchart(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "Chart.yaml").write_text("{apiVersion: v2, name: parent, version: 1.0.0}")
    helm("package", str(CHART), f"--destination={parent / 'charts'}")
    text = helm("template", RELEASE, str(parent), f"--namespace={NAMESPACE}",
                values={"lingraft": {"pollSeconds": 31}, "global": {"team": "a"}})  # fmt: skip
    manifests = [m for m in yaml.load_all(text, yaml.CSafeLoader) if m]
    direct = render({"pollSeconds": 31})
    assert {path_of(m): m for m in manifests} == {path_of(m): m for m in direct}


@pytest.mark.parametrize(
    ("values", "told"), [({}, True), ({"access": EVERYTHING["access"]}, False)]
)
def test_notes_say_that_nothing_is_allowed_yet(values: Object, told: bool) -> None:
    text = helm("install", RELEASE, str(CHART), "--dry-run=client", values=values)
    assert ("`access` is empty" in text) == told
    assert "kubectl explain languageadaptation" in text
