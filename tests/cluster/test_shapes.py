"""Every RayJob that the operator makes, before the real API server and the real KubeRay."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from lingraft_operator import names
from lingraft_operator.jobs.rayjob import build_rayjob
from tests.cluster.bed.api import ApiError, Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.kubelet import NODES, Kubelet, Node
from tests.cluster.bed.nodes import CAPACITY
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.unit.operator.shapes import PLAIN, SHAPES, golden, pool, request

SPOT, ON_DEMAND, L4, MI300 = "shapes-spot", "shapes-on-demand", "shapes-l4", "shapes-mi300x"
MORE_NODES = (
    Node(SPOT, {"pool": "small", "capacity": "spot"}),
    Node(ON_DEMAND, {"pool": "small", "capacity": "on-demand"}),
    Node(L4, {"accelerator": "l4"}, CAPACITY | {"nvidia.com/gpu": "8"}),
    Node(MI300, {"accelerator": "mi300x"}, CAPACITY | {"amd.com/gpu": "8"}),
)
TAINTS = {SPOT: "spot", L4: "nvidia.com/gpu"}
PLACES = {
    "head-only-gpu": (MI300, None),
    "workers-on-spot": (ON_DEMAND, SPOT),
    "workers-with-gpus": (L4, L4),
    "workload-identity": (L4, L4),
    "queued": (ON_DEMAND, SPOT),
    "second-attempt": (ON_DEMAND, SPOT),
}
"""Nodes of head and workers, where there is only one that will do."""


def load(shape: str, namespace: str) -> Object:
    rayjob = yaml.safe_load(golden(shape).read_text())
    rayjob["metadata"]["namespace"] = namespace
    return rayjob


# The CRD.


def refusal(bed: Bed, rayjob: Object) -> str:
    """What the API server has against a RayJob; it does not keep it."""
    path = rayjob_path(rayjob["metadata"]["namespace"])
    try:
        bed.api.request("POST", path, rayjob, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        return error.message
    return ""


@pytest.mark.parametrize("shape", SHAPES)
def test_the_crd_takes_every_shape(bed: Bed, namespace: str, shape: str) -> None:
    assert refusal(bed, load(shape, namespace)) == ""


def test_the_crd_knows_a_field_that_is_misspelt(bed: Bed, namespace: str) -> None:
    rayjob = load("workers-on-spot", namespace)
    (group,) = rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    group["template"]["spec"]["containers"][0]["volumeMount"] = []
    assert "containers[0].volumeMount" in refusal(bed, rayjob)


# RayClusters and pods.


@dataclass(frozen=True)
class Made:
    """What KubeRay made of a RayJob."""

    rayjob: Object
    cluster: Object
    head: Object
    workers: list[Object]


@pytest.fixture(scope="module")
def nodes(session_bed: Bed) -> Iterator[None]:
    """Nodes on which nothing starts."""
    api = session_bed.cluster.users["kubelet"]
    kubelet = Kubelet(api, MORE_NODES)
    kubelet.refuse()
    kubelet.start()
    for name, key in TAINTS.items():
        taint = {"key": key, "value": "true", "effect": "NoSchedule"}
        api.merge(f"{NODES}/{name}", {"spec": {"taints": [taint]}})
    yield
    kubelet.stop()
    for node in MORE_NODES:
        api.delete(f"{NODES}/{node.name}")


@pytest.fixture
def restricted(bed: Bed, namespace: str) -> str:
    """A namespace that takes restricted pods only, and has what the shapes name."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    bed.api.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    bed.api.create(accounts, {"metadata": {"name": "s3-reader"}})
    priority = {"metadata": {"name": "batch"}, "value": 1000}
    bed.api.apply(
        "/apis/scheduling.k8s.io/v1/priorityclasses/batch",
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"} | priority,
    )
    return namespace


@pytest.fixture
def make(bed: Bed, nodes: None, restricted: str) -> Iterator[Callable[[str], Made]]:
    """Creates a shape and waits for its pods, which are bound and never start."""
    bed.kubelet.refuse(namespace=restricted)

    def make(shape: str) -> Made:
        rayjob = load(shape, restricted)
        # Its owner is not there, for which the garbage collector would delete it.
        del rayjob["metadata"]["ownerReferences"]
        bed.api.create(rayjob_path(restricted), rayjob)
        workers = SHAPES[shape][0].spec.execution.workers
        name = rayjob["metadata"]["name"]

        def bound() -> bool:
            pods = bed.pods(restricted, name)
            return len([p for p in pods if p["spec"].get("nodeName")]) == 1 + workers

        wait_until(bound, f"{1 + workers} pods of {shape} are bound", bed.kuberay.process)
        (cluster,) = bed.clusters(restricted, name)
        (head,) = bed.pods(restricted, name, head=True)
        uid = head["metadata"]["uid"]
        others = [p for p in bed.pods(restricted, name) if p["metadata"]["uid"] != uid]
        return Made(load(shape, restricted), cluster, head, others)

    yield make
    for rayjob in bed.api.list(rayjob_path(restricted)):
        bed.api.delete(rayjob_path(restricted, rayjob["metadata"]["name"]))
    wait_until(lambda: not bed.pods(restricted), "the pods go", bed.kuberay.process)


def missing(wanted: object, found: object, at: str = "") -> list[str]:
    """What of `wanted` is not in `found`, which may hold more; quantities may be spelt anew."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            one
            for key, value in wanted.items()
            for one in (
                missing(value, found[key], f"{at}.{key}") if key in found else [f"{at}.{key}"]
            )
        ]
    if isinstance(wanted, list) and isinstance(found, list):
        return [
            f"{at}[{number}]: {value}"
            for number, value in enumerate(wanted)
            if not any(missing(value, other) == [] for other in found)
        ]
    return [] if wanted == found or _same_quantity(wanted, found) else [f"{at}: {found}"]


def _same_quantity(one: object, other: object) -> bool:
    try:
        return parse_quantity(one) == parse_quantity(other)
    except ValueError:
        return False


def with_templates(made: Made) -> list[tuple[Object, Object]]:
    """Every pod, and the group of the RayJob that it comes from."""
    cluster = made.rayjob["spec"]["rayClusterSpec"]
    groups = cluster.get("workerGroupSpecs", [])
    return [(made.head, cluster["headGroupSpec"])] + [(w, g) for g in groups for w in made.workers]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_becomes_the_pods_that_were_meant(
    make: Callable[[str], Made], bed: Bed, shape: str
) -> None:
    made = make(shape)
    assert missing(made.rayjob["metadata"]["labels"], made.cluster["metadata"]["labels"]) == []
    for pod, group in with_templates(made):
        # Labels, placement, resources, environment, secrets, volumes, security context, account.
        assert missing(group["template"], pod) == []
        assert names.QUEUE not in pod["metadata"]["labels"]
        (arguments,) = pod["spec"]["containers"][0]["args"]
        for name, value in group["rayStartParams"].items():
            assert f"--{name}={value} " in arguments
        _check_is_alone(pod)
    for pod, place in zip((made.head, *made.workers[:1]), PLACES.get(shape, ()), strict=False):
        assert pod["spec"]["nodeName"] == place


def _check_is_alone(pod: Object) -> None:
    """It can do nothing in the cluster, and only its own Ray knows its token."""
    volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
    assert not any(name.startswith("kube-api-access") for name in volumes)
    (container,) = pod["spec"]["containers"]
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert len(mounted) == len(set(mounted)) == len(volumes)
    environment = {one["name"]: one for one in container["env"]}
    assert len(environment) == len(container["env"])
    assert environment["RAY_AUTH_MODE"]["value"] == "token"
    token = environment["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["name"]
    assert token == pod["metadata"]["labels"]["ray.io/cluster"]


def test_a_head_off_spot_goes_to_any_node_without_taints(make: Callable[[str], Made]) -> None:
    made = make("one-of-many-workers")
    assert made.head["spec"]["nodeName"] not in (SPOT, L4)
    assert [worker["spec"]["nodeName"] for worker in made.workers] == [SPOT]


def test_workers_wait_for_the_head_under_the_same_restrictions(
    make: Callable[[str], Made],
) -> None:
    (worker,) = make("one-of-many-workers").workers
    (waiting,) = worker["spec"]["initContainers"]
    (container,) = worker["spec"]["containers"]
    assert waiting["securityContext"] == container["securityContext"]
    assert missing(container["volumeMounts"], waiting["volumeMounts"]) == []


def test_the_namespace_takes_restricted_pods_only(bed: Bed, restricted: str) -> None:
    pod = {"metadata": {"name": "free"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    with pytest.raises(ApiError, match='violates PodSecurity "restricted'):
        bed.api.create(f"/api/v1/namespaces/{restricted}/pods", pod)


# What KubeRay refuses.


def test_a_pool_that_kuberay_refuses_ends_in_validation_failed(bed: Bed, namespace: str) -> None:
    asked = request("mini", pool({"env": [{"name": "RAY_REDIS_ADDRESS", "value": "redis:6379"}]}))
    rayjob = build_rayjob(replace(asked, namespace=namespace), PLAIN)
    del rayjob["metadata"]["ownerReferences"]
    name = rayjob["metadata"]["name"]
    bed.api.create(rayjob_path(namespace), copy.deepcopy(rayjob))

    def status() -> Object:
        return bed.api.get(rayjob_path(namespace, name)).get("status", {})

    wait_until(lambda: status().get("jobDeploymentStatus"), "KubeRay judges it")
    assert status()["jobDeploymentStatus"] == "ValidationFailed"
    assert "RAY_REDIS_ADDRESS" in status()["message"]
    assert bed.clusters(namespace, name) == []
