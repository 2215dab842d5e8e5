"""Where servers listen: on every address of a pod, of the family that the cluster prefers."""

from collections.abc import Mapping


def everywhere(environment: Mapping[str, str]) -> str:
    """The address that stands for all of a pod's: probes and Services come to its first family's.

    Args:
        environment: Kubernetes tells each container there where the API server is.
    """
    return "::" if ":" in environment.get("KUBERNETES_SERVICE_HOST", "") else "0.0.0.0"


def url_of(host: str, port: int, path: str) -> str:
    """An address as a URL has it: those with colons in brackets."""
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"
