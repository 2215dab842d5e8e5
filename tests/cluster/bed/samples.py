"""Small RayJobs, written by hand, as the tests of the bed need them."""

from lingraft.stage import StageSpec
from tests.cluster.bed.api import Object
from tests.cluster.bed.fake_kuberay import STAGE

TRAINER = f"python -m lingraft_trainer env:{STAGE}"


def rayjob(
    name: str, entrypoint: str, env: tuple[Object, ...] = (), secret: str = "", pool: str = "small"
) -> Object:
    """One head, no workers, token authentication, submitted by HTTP.

    Args:
        name: Of the RayJob.
        entrypoint: A shell command.
        env: More variables of the head container.
        secret: A Secret whose keys are variables too.
        pool: Label of the node.
    """
    container: Object = {
        "name": "ray-head",
        "image": "lingraft/trainer:test",
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "GREETING", "value": "hello from $(POD)"},
            *env,
        ],
    }
    if secret:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    template = {"spec": {"nodeSelector": {"pool": pool}, "containers": [container]}}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": entrypoint,
            "submissionMode": "HTTPMode",
            "shutdownAfterJobFinishes": True,
            "backoffLimit": 0,
            "rayClusterSpec": {
                "rayVersion": "2.60.0",
                "authOptions": {"mode": "token"},
                "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": template},
            },
        },
    }


def stage_job(name: str, spec: StageSpec, secret: str) -> Object:
    """A RayJob that runs a stage as the operator's do."""
    variable = {"name": STAGE, "value": spec.model_dump_json(by_alias=True)}
    return rayjob(name, TRAINER, (variable,), secret)
