"""The values of the chart as models: what values.schema.json and the README's table come from.

What the operator itself reads is in its `Config`; here is what the chart adds or narrows.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from lingraft.allowed import Tenant
from lingraft.pools import EnvVar, LocalObject, PoolModel, Pools, Toleration
from lingraft.resource import Store
from lingraft_operator.config import S3, Access, PoolConfig, PoolConfigs

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Namespace = Annotated[str, Field(pattern=f"^{_LABEL}$")]


class Image(PoolModel):
    """An image of this project."""

    repository: str = Field(min_length=1, description="Registry and name, without a tag.")
    tag: str | None = Field(
        default=None, pattern=r"^[\w][\w.-]{0,127}$", description="Default: the chart's appVersion."
    )
    digest: str | None = Field(
        default=None, pattern="^sha256:[0-9a-f]{64}$", description="Wins over the tag."
    )


class Images(PoolModel):
    """The two images, and how they are pulled."""

    operator: Image = Field(description="The operator: small, without torch or Ray.")
    trainer: Image = Field(description="The trainer: what Ray heads and workers run.")
    pull_policy: str = Field(
        default="IfNotPresent",
        json_schema_extra={"enum": ["Always", "IfNotPresent", "Never"]},
        description="Of both images.",
    )
    pull_secrets: list[LocalObject] = Field(
        default=[], description="Secrets of the release's namespace for the operator's image."
    )


class NamespaceAccess(Access):
    """What the resources of one namespace may name."""

    namespace: str = Field(
        pattern=rf"^(\*|{_LABEL})$", description="A namespace, or * for all of them."
    )
    prefixes: tuple[Annotated[str, Field(pattern="^s3://[^/]+/(.*/)?$")], ...] = Field(
        description="URIs below one of these may be read and written; each ends with a slash, and "
        "{namespace} stands for the resource's."
    )


class TenantValues(Tenant):
    """What the resources of a namespace may ask for; the first entry that names it counts."""

    namespace: str = Field(
        pattern=rf"^(\*|{_LABEL})$", description="A namespace, or * for all others."
    )


class StoreValues(Store):
    """Where artifacts go when a resource does not say."""

    uri: str = Field(
        pattern="^s3://[^/]+(/.*)?$", description="Such as s3://lingraft/{namespace}/."
    )


class S3Values(S3):
    """How the operator and the Ray pods reach S3."""

    endpoint: str | None = Field(
        default=None, pattern="^https?://[^/]+/?$", description="URL, where it is not AWS."
    )
    region: str | None = Field(default=None, min_length=1, description="AWS region.")
    ca_config_map: str | None = Field(
        default=None,
        min_length=1,
        description="ConfigMap with the CA bundle in the key ca.crt: of the resource's namespace "
        "for Ray pods, of the release's for the operator.",
    )


class PoolValues(PoolConfigs):
    """Where stages run."""

    small: PoolConfig = Field(
        default=PoolConfig(), description=Pools.model_fields["small"].description
    )
    large: PoolConfig = Field(
        default=PoolConfig(), description=Pools.model_fields["large"].description
    )


class Operator(PoolModel):
    """The operator's pod."""

    resources: dict[str, Any] = Field(description="Kubernetes' ResourceRequirements.")
    credentials_secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Secret of the release's namespace whose keys become the operator's "
        "environment: what it reads stores and sources with. Access keys are read anew when they "
        "change.",
    )
    env: tuple[EnvVar, ...] = Field(
        description="Variables of its container. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are the Ray "
        "pods' as well."
    )
    node_selector: dict[str, str] = Field(
        description="Labels of the nodes for this pod and the one of `helm test`."
    )
    tolerations: tuple[Toleration, ...] = Field(description="Taints that both pods tolerate.")
    affinity: dict[str, Any] = Field(description="Kubernetes' Affinity, of both pods.")
    priority_class_name: str | None = Field(
        default=None, min_length=1, description="PriorityClass of both pods."
    )
    pod_labels: dict[str, str] = Field(description="Of the pod, beside the chart's own.")
    pod_annotations: dict[str, str] = Field(description="Of the pod, beside the chart's own.")


class ServiceAccount(PoolModel):
    """The operator's ServiceAccount."""

    annotations: dict[str, str] = Field(description="For workload identity.")


class Crds(PoolModel):
    """What belongs to the whole cluster, not to one release."""

    enabled: bool = Field(
        description="Install the LanguageAdaptation CRD, which uninstalling keeps."
    )


class UserRoles(PoolModel):
    """Who may use the resource."""

    enabled: bool = Field(
        description="Install ClusterRoles that let a namespace's editors and viewers use "
        "LanguageAdaptations."
    )


Rules = list[dict[str, Any]]


class NetworkPolicy(PoolModel):
    """Who may talk to whom."""

    enabled: bool = Field(description="A NetworkPolicy for the operator.")
    ray_namespaces: tuple[Namespace, ...] = Field(
        json_schema_extra={"uniqueItems": True},
        description="Namespaces whose Ray pods get one: one another, and by `dns` and `s3`.",
    )
    dns: Rules = Field(description="Egress rules of all to DNS.")
    api_server: Rules = Field(
        description="Egress rules of the operator to the API server. Default: every address, on "
        "ports 443 and 6443."
    )
    s3: Rules = Field(
        description="Egress rules of the operator and of Ray pods to S3. Default: every public "
        "address, on port 443."
    )
    dashboard_from: Rules = Field(
        description="Peers that reach Ray's dashboards: KubeRay, which submits jobs to them."
    )
    metrics_from: Rules = Field(
        description="Peers that scrape the metrics of operator and Ray pods. Default: every pod."
    )


class ServiceMonitor(PoolModel):
    """How Prometheus finds the operator."""

    enabled: bool = Field(description="A Service and a ServiceMonitor of the operator's metrics.")
    interval: str = Field(pattern=r"^[0-9]+(ms|s|m)$", description="Between two scrapes.")
    labels: dict[str, str] = Field(description="Of the ServiceMonitor: what Prometheus selects by.")


class PodMonitor(PoolModel):
    """How Prometheus finds Ray pods."""

    enabled: bool = Field(
        description="A PodMonitor of the Ray pods of watched namespaces: loss, speed and progress "
        "of what trains."
    )
    interval: str = Field(pattern=r"^[0-9]+(ms|s|m)$", description="Between two scrapes.")
    labels: dict[str, str] = Field(description="Of the PodMonitor: what Prometheus selects by.")


class PrometheusRule(PoolModel):
    """Alerts."""

    enabled: bool = Field(description="A PrometheusRule with alerts on the operator.")
    labels: dict[str, str] = Field(description="Of the PrometheusRule: what Prometheus selects by.")


class Dashboard(PoolModel):
    """For Grafana."""

    enabled: bool = Field(description="A ConfigMap with a Grafana dashboard.")
    labels: dict[str, str] = Field(description="By which Grafana's sidecar finds it.")


class Metrics(PoolModel):
    """For Prometheus and Grafana."""

    service_monitor: ServiceMonitor = Field(description="How Prometheus finds the operator.")
    pod_monitor: PodMonitor = Field(description="How Prometheus finds Ray pods.")
    prometheus_rule: PrometheusRule = Field(description="Alerts.")
    dashboard: Dashboard = Field(description="For Grafana.")


class Test(PoolModel):
    """What `helm test` does."""

    enabled: bool = Field(description="Whether `helm test` adapts a tiny model for real.")
    namespace: Namespace | None = Field(
        default=None,
        description="Where: watched, and listed in `access`. Required with `enabled`.",
    )
    spec: dict[str, Any] | None = Field(
        default=None, description="spec of a LanguageAdaptation. Required with `enabled`."
    )
    timeout_seconds: int = Field(
        ge=1, description="Until Ready; give `helm test --timeout` as much."
    )


class Global(PoolModel):
    """A parent chart's values for all its dependencies; what is not named here is others'."""

    model_config = ConfigDict(extra="allow")

    image_registry: str | None = Field(
        default=None, description="In place of the registry of both images."
    )
    image_pull_secrets: list[Any] = Field(
        default=[],
        json_schema_extra={"items": {"type": ["string", "object"]}},
        description="Names or references, of all pods whose pool names none.",
    )


class Values(PoolModel):
    """The chart's own values, and those of `Config` that it describes better or more strictly."""

    image: Images = Field(description="The images.")
    ray_version: str = Field(
        default="", pattern=r"^\d+\.\d+\.\d+$", description="Ray's version in the trainer image."
    )
    namespaces: tuple[Namespace, ...] = Field(
        default=(),
        json_schema_extra={"uniqueItems": True},
        description="Watched, by a Role in each; these must exist. Empty: all, by a ClusterRole.",
    )
    access: tuple[NamespaceAccess, ...] = Field(
        default=(), description="What resources may read and write. Empty: nothing."
    )
    allow_shrinking: bool = Field(
        default=False,
        description="Let an upgrade empty `access` or `store`, or drop a namespace that was "
        "watched; it is refused otherwise.",
    )
    store: StoreValues | None = Field(
        default=None, description="Where artifacts go when a resource does not say."
    )
    hub_mirror: str | None = Field(
        default=None,
        pattern="^s3://[^/]+/(.*/)?$",
        description="Folder with models of the Hugging Face Hub under their names, such as "
        "s3://models/hub/; to be listed in `access` too.",
    )
    s3: S3Values = Field(description="How the operator and the Ray pods reach S3.")
    heartbeat_timeout_seconds: int = Field(
        default=300,
        ge=60,  # a heartbeat comes every ten seconds, by a store that may be slow
        description="A running stage of which nothing new is seen for so long has failed.",
    )
    pools: PoolValues = Field(
        default=PoolValues(), description="Where stages run; resources may override fields."
    )
    tenants: tuple[TenantValues, ...] = Field(
        default=(),
        description="Queues, priority classes and ServiceAccounts of a namespace's resources.",
    )
    operator: Operator = Field(description="The operator's pod.")
    service_account: ServiceAccount = Field(description="The operator's ServiceAccount.")
    crds: Crds = Field(description="What belongs to the whole cluster, not to one release.")
    user_roles: UserRoles = Field(description="Who may use LanguageAdaptations.")
    network_policy: NetworkPolicy = Field(description="Who may talk to whom.")
    metrics: Metrics = Field(description="For Prometheus and Grafana.")
    test: Test = Field(description="What `helm test` does.")
    enabled: bool = Field(
        default=True, description="For the condition of a parent chart's dependency."
    )
    globals: Global = Field(
        alias="global", description="What a parent chart says for all its dependencies."
    )
