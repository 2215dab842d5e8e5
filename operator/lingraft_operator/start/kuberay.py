"""Whether the cluster has what our RayJobs need: the API server is asked, and keeps nothing.

A field that a CRD does not know is dropped in silence unless validation is strict: without
`authOptions` a dashboard would take jobs from anybody. API:
https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

import re
from typing import Any

from lingraft.plan import PlannedStage
from lingraft.pools import HeadSize, LocalObject, Toleration
from lingraft.resource import API_VERSION, KIND
from lingraft.stage import Stage, StageSpec
from lingraft_operator.cluster import Cluster, Conflict, Missing, Refused
from lingraft_operator.config import S3, Config, PoolConfig
from lingraft_operator.jobs.rayjob import Owner, RayJobRequest, build_rayjob, execution_for

KUBERAY = "1.6"
"""The oldest whose CRDs know every field of our RayJobs."""
EVERYTHING = PoolConfig(
    workers=1,
    node_selector={"pool": "small"},
    tolerations=[Toleration(key="spot", operator="Exists")],
    head=HeadSize(cpu="1"),
    service_account_name="ray",
    image_pull_secrets=[LocalObject(name="registry")],
)
"""A pool that sets what ours may set, but for what admission looks up, as a PriorityClass."""


def lacking(cluster: Cluster, config: Config) -> str | None:
    """What the cluster lacks, and what to do about it; None where nothing is known to be missing.

    Raises:
        Unavailable, Refused: The API server does not answer, or may not be asked.
    """
    kinds = cluster.missing_kinds()
    if kinds:
        return f"CustomResourceDefinitions not installed: {', '.join(kinds)}; {_install(kinds)}"
    try:
        # Nobody's webhook or quota is meant: those refuse our own RayJobs in their own words.
        cluster.create_rayjob(
            sample(config.namespaces[0] if config.namespaces else "default"), dry_run=True
        )
    except (Conflict, Missing):  # there is no such namespace, say
        return None
    except Refused as error:
        fields = unknown_fields(str(error))
        if not fields:
            return None
        return f"the CRD rayjobs.ray.io does not know {', '.join(fields)}; {_install(['ray.io'])}"
    return None


def _install(kinds: list[str]) -> str:
    if not any(kind.endswith("ray.io") for kind in kinds):
        return "apply this release's crds/, or set crds.enabled"
    return (
        f"install KubeRay {KUBERAY} or newer with its CRDs, which Helm does not upgrade by itself"
    )


def unknown_fields(message: str) -> list[str]:
    """The fields that strict validation did not know, from the API server's words."""
    if "strict decoding error" not in message:
        return []
    return list(dict.fromkeys(re.findall(r'unknown field "([^"]+)"', message)))


def sample(namespace: str) -> dict[str, Any]:
    """A RayJob with every field that ours may have."""
    stage = Stage(kind="embed", params={}, inputs={})
    request = RayJobRequest(
        planned=PlannedStage(name="embed", stage=stage, needs=(), flops=0.0),
        spec=StageSpec(
            stage=stage,
            store="s3://none/",
            holder="none",
            execution=execution_for(stage, EVERYTHING, 1024),
        ),
        namespace=namespace,
        owner=Owner(API_VERSION, KIND, "none", "00000000-0000-0000-0000-000000000000"),
        pool_name="small",
        pool=EVERYTHING,
        queue=None,
        credentials_secret="none",
        image="none",
    )
    return build_rayjob(request, Config(trainer_image="none", s3=S3(ca_config_map="none")))
