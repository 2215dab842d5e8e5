"""The chart's network policies: who reaches whom. Reckoned, for no enforcer runs here.

tests/e2e/test_network.py tries some of it under one.
"""

from pathlib import Path

import pytest
import yaml

from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import NAMESPACE, one, render
from tests.cluster.chart_values import EXAMPLES
from tests.support.networkpolicy import Pod, reaches

pytestmark = pytest.mark.usefixtures("helm_binary")

ON = {"networkPolicy": {"enabled": True, "rayNamespaces": ["models"]}}
GOLDEN = Path(__file__).parents[1] / "unit" / "operator" / "golden" / "workers-with-gpus.yaml"
DNS = Pod("kube-system", {"k8s-app": "kube-dns"})
KUBERAY, PROMETHEUS, OTHER = Pod("kuberay-system"), Pod("monitoring"), Pod("models", {"app": "web"})
S3 = Pod(address="52.216.0.1")
API_SERVER = Pod(address="10.0.0.5")
METADATA = Pod(address="169.254.169.254")


def policies(values: Object = ON) -> list[Object]:
    return [m for m in render(values) if m["kind"] == "NetworkPolicy"]


def operator() -> Pod:
    template = one(render(), "Deployment")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    return Pod(NAMESPACE, template["metadata"]["labels"], ports)


def ray(namespace: str = "models") -> list[Pod]:
    """Head and worker as the operator's RayJob makes them."""
    cluster = yaml.safe_load(GOLDEN.read_text())["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [Pod(namespace, group["template"]["metadata"]["labels"]) for group in groups]


def test_ray_pods_reach_one_another_dns_and_s3_and_nothing_else() -> None:
    found = policies()
    head, worker = ray()
    (foreign, _) = ray("team-b")
    for pod, mate in ((head, worker), (worker, head)):
        assert reaches(found, pod, mate, 6379)
        assert reaches(found, pod, DNS, 53, "UDP") and reaches(found, pod, DNS, 53)
        assert reaches(found, pod, S3, 443)
        for target, port in [
            *((API_SERVER, port) for port in (443, 6443)),
            (METADATA, 80),
            (S3, 22),
            (DNS, 9153),
            (OTHER, 80),
            (KUBERAY, 8080),
            (operator(), 8080),
            (foreign, 6379),
        ]:
            assert not reaches(found, pod, target, port), (target, port)


def test_ray_pods_are_reached_by_kuberay_on_the_dashboard_and_scraped() -> None:
    found = policies()
    for pod in ray():
        assert reaches(found, KUBERAY, pod, 8265) and not reaches(found, KUBERAY, pod, 6379)
        assert reaches(found, PROMETHEUS, pod, 8080) and not reaches(found, PROMETHEUS, pod, 8265)
        assert not reaches(found, OTHER, pod, 8265) and not reaches(found, OTHER, pod, 6379)


def test_the_operator_reaches_the_api_server_dns_and_s3_and_is_scraped() -> None:
    found, own = policies(), operator()
    assert reaches(found, own, API_SERVER, 6443) and reaches(found, own, S3, 443)
    assert reaches(found, own, DNS, 53, "UDP")
    assert not reaches(found, own, METADATA, 80) and not reaches(found, own, ray()[0], 8265)
    assert reaches(found, PROMETHEUS, own, 9090) and not reaches(found, OTHER, own, 8080)


def test_no_other_pod_is_touched() -> None:
    found = policies()
    assert reaches(found, OTHER, API_SERVER, 6443) and reaches(found, PROMETHEUS, OTHER, 80)
    assert policies({}) == []


def test_a_release_without_scrapers_and_dashboards_lets_nobody_in() -> None:
    closed = ON["networkPolicy"] | {"metricsFrom": [], "dashboardFrom": []}
    found = policies({"networkPolicy": closed})
    assert not reaches(found, PROMETHEUS, operator(), 9090)
    assert not reaches(found, KUBERAY, ray()[0], 8265)
    head, worker = ray()
    assert reaches(found, worker, head, 6379)


def test_rules_may_be_empty_each_and_all() -> None:
    empty = {"dns": [], "apiServer": [], "s3": [], "metricsFrom": [], "dashboardFrom": []}
    found = policies({"networkPolicy": ON["networkPolicy"] | empty})
    head, worker = ray()
    assert reaches(found, worker, head, 6379) and not reaches(found, head, DNS, 53, "UDP")
    for target, port in ((DNS, 53), (API_SERVER, 443), (S3, 443)):
        assert not reaches(found, operator(), target, port)
    for name in empty:
        some = policies({"networkPolicy": ON["networkPolicy"] | empty | {name: [{}]}})
        assert len(some) == 2


def test_s3_in_the_cluster_is_reached_and_the_world_is_not() -> None:
    found = policies(EXAMPLES["in-cluster-s3"])
    for pod in (*ray(), operator()):
        assert reaches(found, pod, Pod("s3"), 8333)
    assert not reaches(found, ray()[0], S3, 443)
