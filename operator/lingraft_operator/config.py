"""The operator's settings: one YAML file, written by the chart."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from lingraft.allowed import PoolRules, Tenant
from lingraft.errors import UserError
from lingraft.pools import Pool, PoolModel, PoolName
from lingraft.resource import Store
from lingraft_operator.podtemplate import ObjectMeta, PodTemplate


class PoolConfig(PoolRules, Pool):
    """A pool, and what is the chart's alone to say of it; `lingraft.pools.Pool` has the rest."""

    max_concurrent_stages: int | None = Field(
        default=None,
        ge=1,
        description="RayJobs of the pool that may run at once, over all namespaces, which take "
        "turns; those that Kueue holds back do not count.",
    )
    pod_template: PodTemplate | None = Field(
        default=None,
        description="Merged into the pods, head and workers alike: see docs/install.md.",
    )
    restricted: bool = Field(
        default=True,
        description="Refuse a podTemplate whose pods would not be restricted (Pod Security "
        "Standards).",
    )


class PoolConfigs(PoolModel):
    """The chart's pools."""

    small: PoolConfig = PoolConfig()
    large: PoolConfig = PoolConfig()

    def __getitem__(self, name: PoolName) -> PoolConfig:
        return self.small if name == "small" else self.large


class Access(PoolModel):
    """What resources of a namespace may name: URIs below one of the prefixes."""

    namespace: str = Field(description="A namespace, or * for all.")
    prefixes: tuple[str, ...] = Field(
        description="Such as s3://corpora/ or s3://lingraft/{namespace}/."
    )


class S3(PoolModel):
    """How Ray pods reach S3; credentials come from the resource's Secret or workload identity."""

    endpoint: str | None = Field(default=None, description="URL, where it is not AWS.")
    region: str | None = None
    ca_config_map: str | None = Field(
        default=None, description="ConfigMap of the resource's namespace with ca.crt."
    )


class Config(PoolModel):
    """Everything that the chart decides."""

    release: str = Field(
        default="lingraft", description="The chart's, with its namespace: one tends a namespace."
    )
    trainer_image: str = Field(description="Image of Ray head and workers.")
    image_pull_policy: str = "IfNotPresent"
    ray_version: str = "2.60.0"
    namespaces: tuple[str, ...] = Field(default=(), description="Watched; none: all of them.")
    store: Store | None = Field(default=None, description="Where a resource names none.")
    s3: S3 = S3()
    access: tuple[Access, ...] = ()
    proxy: dict[str, str] = Field(
        default={}, description="Variables of Ray containers: a proxy, and what goes around it."
    )
    pools: PoolConfigs = PoolConfigs()
    tenants: tuple[Tenant, ...] = Field(
        default=(),
        description="Queues, priority classes and ServiceAccounts of a namespace's resources.",
    )
    ray_job_metadata: ObjectMeta = Field(
        default=ObjectMeta(), description="Of RayJobs, and by KubeRay of their RayClusters."
    )
    fixed_users: bool = Field(
        default=True,
        description="Run pods as the user ids of the images. false: as the cluster says, which "
        "OpenShift does.",
    )
    workers: int = Field(default=8, ge=1, description="Threads that observe and act.")
    heartbeat_timeout_seconds: int = Field(
        default=300,
        ge=1,
        description="A running stage of which nothing new is seen for so long has failed.",
    )
    grace_seconds: int = Field(
        default=300, ge=0, description="How long pods may lack an image or a Secret."
    )
    poll_seconds: int = Field(
        default=30, ge=1, description="How often the store is asked how a running stage does."
    )
    keep_finished_seconds: int = Field(
        default=3600, ge=0, description="How long finished RayJobs are kept."
    )


def load_config(path: Path) -> Config:
    """Read the settings.

    Raises:
        UserError: The file is not there or not right; the operator does not start.
    """
    try:
        content: Any = yaml.safe_load(path.read_text())
        return Config.model_validate(content)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UserError(str(error), where=str(path)) from error
