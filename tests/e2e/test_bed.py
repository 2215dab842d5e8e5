"""The bed itself: real nodes whose pods are reached by Services, and whose logs can be read."""

from lingraft.store import open_store
from tests.e2e.bed.bed import Bed


def test_nodes_are_real_and_labelled_by_pool(bed: Bed) -> None:
    nodes = {node["metadata"]["name"]: node for node in bed.api.list("/api/v1/nodes")}
    assert set(nodes) == {"small", "large"}
    for name, node in nodes.items():
        assert node["metadata"]["labels"]["pool"] == name
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")


def test_a_service_leads_to_a_pod(bed: Bed, session_s3: None) -> None:
    store = open_store("s3://lingraft/bed/")
    store.put("hello", b"from outside")
    found = store.get("hello")
    assert found is not None and found[0] == b"from outside"


def test_logs_come_through_the_kubelet(bed: Bed) -> None:
    for namespace, deployment in (("storage", "seaweedfs"), ("kuberay", "kuberay-operator")):
        assert bed.cluster.kubectl("logs", f"deployment/{deployment}", f"--namespace={namespace}")
