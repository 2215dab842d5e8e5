"""What the chart may add to Ray pods and RayJobs: the fields of Kubernetes that leave them ours.

Not the resource's to say: whoever writes a pod's volumes and containers runs what he likes.
"""

from typing import Annotated, Any

from pydantic import Field

from lingraft.pools import LocalObject, PoolModel, Toleration
from lingraft_operator import names

OURS = r"^(lingraft\.dev/.*|ray\.io/.*|kueue\.x-k8s\.io/queue-name|app\.kubernetes\.io/managed-by)$"
"""Labels and annotations by which the operator, KubeRay and Kueue find what is theirs."""
NOT_OURS: dict[str, Any] = {"propertyNames": {"not": {"pattern": OURS}}}
PINNED = ("image", "command", "args")
"""Of Ray's containers: the plan and KubeRay say them."""
_CONTAINER: dict[str, Any] = {
    "required": ["name"],
    "if": {"properties": {"name": {"enum": list(names.CONTAINERS)}}},
    "then": {"properties": dict.fromkeys(PINNED, False)},
}
Container = Annotated[dict[str, Any], Field(json_schema_extra=_CONTAINER)]
Named = Annotated[dict[str, Any], Field(json_schema_extra={"required": ["name"]})]


class ObjectMeta(PoolModel):
    """Labels and annotations, beside the operator's own."""

    labels: dict[str, str] = Field(default={}, json_schema_extra=NOT_OURS, description="Labels.")
    annotations: dict[str, str] = Field(
        default={}, json_schema_extra=NOT_OURS, description="Annotations."
    )


class PodTemplateSpec(PoolModel):
    """Fields of a PodSpec."""

    affinity: dict[str, Any] | None = Field(default=None, description="Kubernetes' Affinity.")
    topology_spread_constraints: list[dict[str, Any]] | None = Field(
        default=None, description="By topologyKey."
    )
    node_selector: dict[str, str] | None = Field(
        default=None, description="Beside the pool's; the head's too."
    )
    tolerations: list[Toleration] | None = Field(
        default=None, description="In place of the pool's, and of the head's."
    )
    runtime_class_name: str | None = Field(default=None, description="Its RuntimeClass.")
    scheduler_name: str | None = Field(default=None, description="Who places it.")
    host_aliases: list[dict[str, Any]] | None = Field(default=None, description="By ip.")
    dns_policy: str | None = Field(default=None, description="How names are resolved.")
    dns_config: dict[str, Any] | None = Field(default=None, description="Of the resolver.")
    image_pull_secrets: list[LocalObject] | None = Field(
        default=None, description="By name, beside the pool's."
    )
    security_context: dict[str, Any] | None = Field(
        default=None, description="Kubernetes' PodSecurityContext."
    )
    volumes: list[Named] | None = Field(default=None, description="By name.")
    init_containers: list[Named] | None = Field(default=None, description="By name.")
    containers: list[Container] | None = Field(
        default=None,
        description="By name: ray-head and ray-worker are changed where they are, others added.",
    )


class PodTemplate(PoolModel):
    """Merged into every Ray pod of a pool, lists by Kubernetes' keys (strategic merge)."""

    metadata: ObjectMeta = Field(default=ObjectMeta(), description="Labels and annotations.")
    spec: PodTemplateSpec = Field(default=PodTemplateSpec(), description="Of the pod.")
