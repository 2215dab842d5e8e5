"""Where things are in the API."""

from tests.cluster.bed.api import Object


def rayjob_path(namespace: str, name: str = "") -> str:
    """A namespace's RayJobs, or one of them."""
    return f"/apis/ray.io/v1/namespaces/{namespace}/rayjobs" + (f"/{name}" if name else "")


def pod_path(pod: Object, suffix: str = "") -> str:
    """A pod, or one of its subresources."""
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}{suffix}"
