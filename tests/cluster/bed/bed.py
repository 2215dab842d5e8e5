"""Everything together: a control plane, the real KubeRay, stand-ins for kubelet and dashboards."""

from typing import Self

from tests.cluster.bed.api import Object
from tests.cluster.bed.behaviours import BEHAVIOURS, Behaviours
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.dashboard import Dashboard
from tests.cluster.bed.kubelet import Kubelet
from tests.cluster.bed.kuberay import KubeRay
from tests.cluster.bed.paths import pod_path
from tests.cluster.bed.processes import wait_until

# What a job has beside its container's environment: nothing here is a credential.
DEFAULTS = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


class Bed:
    """The bed that behaviour and chaos are tested on.

    Attributes:
        cluster: The control plane.
        api: Its admin's client.
        kubelet, dashboard, kuberay: What can be told to misbehave.
        behaviours: How the instant trainer goes about its stages.
    """

    def __init__(self, cluster: ControlPlane, s3_endpoint: str | None = None) -> None:
        """Start KubeRay and the stand-ins on a running control plane.

        Args:
            cluster: The control plane.
            s3_endpoint: AWS_ENDPOINT_URL of jobs whose container has none.
        """
        self.cluster, self.api = cluster, cluster.admin
        self.behaviours = Behaviours(cluster.folder / "instant.json")
        defaults = DEFAULTS | {BEHAVIOURS: str(self.behaviours.file)}
        if s3_endpoint:
            defaults |= {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
        self.kubelet = Kubelet(cluster.users["kubelet"])
        self.dashboard = Dashboard(cluster.users["kubelet"], defaults)
        self.dashboard.start()
        self.kubelet.start()
        try:
            self.kuberay = KubeRay(cluster, self.dashboard.url)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End KubeRay and the stand-ins; the control plane stays."""
        if kuberay := getattr(self, "kuberay", None):
            kuberay.stop()
        self.kubelet.stop()
        self.dashboard.stop()

    def reset(self) -> None:
        """Nothing misbehaves any more."""
        self.behaviours.clear()
        self.dashboard.faults.clear()
        self.dashboard.trainer = "real"
        self.kubelet.reset()
        for node in self.dashboard.lost_nodes():
            self.return_node(node)

    def pods(self, namespace: str, rayjob: str = "", *, head: bool = False) -> list[Object]:
        """Ray pods: of one RayJob unless it is empty; the heads only if asked."""
        chosen = ["ray.io/is-ray-node=yes"]
        if rayjob:
            # Pods know their RayCluster, and that its RayJob.
            names = [cluster["metadata"]["name"] for cluster in self.clusters(namespace, rayjob)]
            chosen.append(f"ray.io/cluster in ({','.join(names) or 'none'})")
        if head:
            chosen.append("ray.io/node-type=head")
        path = f"/api/v1/namespaces/{namespace}/pods"
        return self.api.list(path, labelSelector=",".join(chosen))

    def clusters(self, namespace: str, rayjob: str) -> list[Object]:
        """The RayClusters of a RayJob."""
        path = f"/apis/ray.io/v1/namespaces/{namespace}/rayclusters"
        return self.api.list(path, labelSelector=f"ray.io/originated-from-cr-name={rayjob}")

    def delete_head(self, namespace: str, rayjob: str) -> Object:
        """Lose a RayJob's head pod for good; returns it. Its job is gone when this returns."""
        (head,) = self.pods(namespace, rayjob, head=True)
        self.api.delete(pod_path(head), {"gracePeriodSeconds": 0})
        uid = head["metadata"]["uid"]
        wait_until(
            lambda: not self.dashboard.knows(uid), "the dashboard sees that the head is gone"
        )
        return head

    def lose_node(self, name: str) -> None:
        """A node goes silent, and what ran on it is dead."""
        self.dashboard.lose_node(name)
        self.kubelet.lose_node(name)

    def return_node(self, name: str) -> None:
        self.dashboard.return_node(name)
        self.kubelet.return_node(name)
