"""The chart's podTemplate: merged as Kubernetes merges, and nothing of ours is lost."""

import copy
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft_operator import names
from lingraft_operator.config import Config, load_config
from lingraft_operator.jobs.guard import check_pods
from lingraft_operator.jobs.merge import merged
from lingraft_operator.jobs.rayjob import build_rayjob
from lingraft_operator.jobs.restricted import faults
from tests.unit.operator.shapes import SPOT, pool, request


def config(template: dict[str, Any], **fields: Any) -> Config:
    small = {"podTemplate": template, "restricted": fields.pop("restricted", True)}
    given = {"trainerImage": "trainer:1", "pools": {"small": small}}
    return Config.model_validate(given | fields)


def templates(settings: Config, layer: dict[str, Any] = SPOT) -> tuple[Any, Any]:
    """The pods of head and workers."""
    cluster = build_rayjob(request("embed", pool(layer)), settings)["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    return cluster["headGroupSpec"]["template"], group["template"]


# The merge.


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, None),
        (
            {"volumes": [{"name": "a", "emptyDir": {}}]},
            {"volumes": [{"name": "b"}, {"name": "a", "emptyDir": {"medium": "Memory"}}]},
            {"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}, {"name": "b"}]},
        ),
        (
            {"volumeMounts": [{"mountPath": "/a", "name": "x"}]},
            {"volumeMounts": [{"mountPath": "/b", "name": "x"}]},
            {
                "volumeMounts": [
                    {"mountPath": "/a", "name": "x"},
                    {"mountPath": "/b", "name": "x"},
                ]
            },
        ),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
        ),
    ],
)
def test_lists_are_merged_by_the_keys_that_kubernetes_has(
    base: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    before = copy.deepcopy((base, patch))
    found = merged(base, patch)
    assert found == (patch if expected is None else expected)
    assert (base, patch) == before
    assert merged(found, patch) == found, "twice is once"


# What becomes of pods.


def test_head_and_workers_get_it_and_a_ray_container_only_where_it_is() -> None:
    env = [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    spec = {
        "schedulerName": "volcano",
        "tolerations": [{"key": "mesh", "operator": "Exists"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "containers": [
            {"name": "ray-worker", "env": env, "resources": {"limits": {"rdma/hca": "1"}}},
            {"name": "ray-head", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        ],
    }
    settings = config({"metadata": {"labels": {"team": "a"}}, "spec": spec})
    check_pods(settings)
    head, worker = templates(settings)
    for pod in (head, worker):
        assert pod["metadata"]["labels"]["team"] == "a"
        assert pod["metadata"]["labels"][names.HOLDER]
        assert pod["spec"]["schedulerName"] == "volcano"
        assert pod["spec"]["tolerations"] == spec["tolerations"]
        assert len(pod["spec"]["containers"]) == 1
        assert [v["name"] for v in pod["spec"]["volumes"]][-1] == "data"
    (on_head,), (on_worker,) = head["spec"]["containers"], worker["spec"]["containers"]
    assert on_head["volumeMounts"][-1] == {"name": "data", "mountPath": "/data"}
    assert on_worker["env"][-1] == env[0] and env[0] not in on_head["env"]
    assert on_worker["resources"]["limits"]["rdma/hca"] == "1"
    assert on_worker["resources"]["limits"]["cpu"] == "4"


def test_no_fixed_users_is_still_restricted() -> None:
    for fixed in (True, False):
        settings = config({}, fixedUsers=fixed)
        for pod in templates(settings):
            context = pod["spec"]["securityContext"]
            assert ({"runAsUser", "runAsGroup", "fsGroup"} <= context.keys()) == fixed
            assert list(faults(pod)) == []


def test_ray_job_metadata_stands_beside_ours() -> None:
    extra = {"labels": {"team": "a"}, "annotations": {"cost": "b"}}
    rayjob = build_rayjob(request("embed", pool(SPOT), queue="q"), config({}, rayJobMetadata=extra))
    assert rayjob["metadata"]["labels"]["team"] == "a"
    assert rayjob["metadata"]["labels"][names.QUEUE] == "q"
    assert rayjob["metadata"]["annotations"]["cost"] == "b"
    assert rayjob["metadata"]["annotations"][names.HOLDER]


# What is refused.


def containers(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "ray-head", **fields}]}}


LOOSE = {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "our label": ({"metadata": {"labels": {names.HOLDER: "me"}}}, "lingraft.dev/holder"),
    "ray's label": ({"metadata": {"labels": {"ray.io/cluster": "me"}}}, "ray.io/cluster"),
    "kueue's label": ({"metadata": {"labels": {names.QUEUE: "me"}}}, "queue-name"),
    "managed by": ({"metadata": {"labels": {names.MANAGED_BY: "me"}}}, "managed-by"),
    "command": (containers(command=["sh"]), "command of ray-head"),
    "args": (containers(args=["-c"]), "args of ray-head"),
    "image": (containers(image="mine"), "image of ray-head"),
    "cpu": (containers(resources={"limits": {"cpu": "1"}}), "cpu of ray-head"),
    "memory": (containers(resources={"requests": {"memory": None}}), "memory of ray-head"),
    "our variable": (containers(env=[{"name": "HOME", "value": "/"}]), "env: HOME"),
    "the stage": (containers(env=[{"name": "LINGRAFT_STAGE", "value": "{}"}]), "LINGRAFT_"),
    "the credentials": (
        containers(envFrom=[{"secretRef": {"name": "other"}}]),
        "envFrom of ray-head",
    ),
    "no credentials": (containers(envFrom=None), "envFrom of ray-head"),
    "apparmor of old": (
        {
            "metadata": {
                "annotations": {
                    "container.apparmor.security.beta.kubernetes.io/ray-head": "unconfined"
                }
            }
        },
        "apparmor",
    ),
    "a probe elsewhere": (
        containers(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
        "another host",
    ),
    "a hook elsewhere": (
        containers(lifecycle={"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 80}}}),
        "another host",
    ),
    "our mount": (
        containers(volumeMounts=[{"mountPath": "/tmp", "name": "shared-memory"}]),
        "volumeMounts: /tmp",
    ),
    "our volume": (
        {"spec": {"volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]}},
        "volumes: scratch",
    ),
    "the keys": (
        {"spec": {"volumes": [{"name": "credentials", "secret": {"secretName": "other"}}]}},
        "volumes: credentials",
    ),
    "host path": (
        {"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}},
        "volume host of the kind hostPath",
    ),
    "root": ({"spec": {"securityContext": {"runAsUser": 0}}}, "runAsUser is 0"),
    "no user": ({"spec": {"securityContext": {"runAsNonRoot": None}}}, "runAsNonRoot"),
    "unconfined": (
        {"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}},
        "seccompProfile",
    ),
    "privileged": (containers(securityContext={"privileged": True}), "privileged"),
    "capability": (
        containers(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
        "capabilities.add",
    ),
    "sidecar": ({"spec": {"containers": [{"name": "side", "image": "a"}]}}, "container side"),
    "init": ({"spec": {"initContainers": [{"name": "init", "image": "a"}]}}, "container init"),
    "host port": (
        {"spec": {"containers": [{"name": "side", "ports": [{"hostPort": 1}], **LOOSE}]}},
        "hostPort",
    ),
    "sysctls": ({"spec": {"securityContext": {"sysctls": [{"name": "a"}]}}}, "sysctls"),
    "a directive": (containers(**{"$patch": "delete"}), r"\$patch is not known"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_operator_relies_on_is_refused_in_one_sentence(name: str) -> None:
    template, said = REFUSED[name]
    with pytest.raises(UserError, match=said) as caught:
        check_pods(config(template))
    assert caught.value.where == "pools.small.podTemplate"
    assert "\n" not in str(caught.value)


def test_an_admin_may_say_that_pods_need_not_be_restricted() -> None:
    template = {"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/data"}}]}}
    check_pods(config(template, restricted=False))
    with pytest.raises(UserError, match="command"):
        check_pods(config(containers(command=["sh"]), restricted=False))


def test_labels_of_ray_jobs_are_looked_at_too() -> None:
    with pytest.raises(UserError, match="queue-name") as caught:
        check_pods(config({}, rayJobMetadata={"labels": {names.QUEUE: "all"}}))
    assert caught.value.where == "rayJobMetadata"


@pytest.mark.parametrize(
    "field", ["hostNetwork", "serviceAccountName", "automountServiceAccountToken", "restartPolicy"]
)
def test_fields_that_are_no_template_s_are_unknown(field: str, tmp_path: Any) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"trainerImage: a\npools: {{small: {{podTemplate: {{spec: {{{field}: x}}}}}}}}")
    with pytest.raises(UserError, match=field):
        load_config(file)
