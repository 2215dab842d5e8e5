"""What in the chart is generated: its copy of the CRDs, and values.schema.json.

    python tools/chart.py          from crds/ and from the operator's Config

Helm would follow a symbolic link to crds/, but Flux leaves links out: so the chart has a copy.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from lingraft.pools import LocalObject, PoolModel, Pools
from lingraft.resource import Store
from lingraft_operator.config import S3, Access, Config, PoolConfig, PoolConfigs

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "lingraft"
COMPUTED = {"trainerImage", "imagePullPolicy"}
"""What the chart's templates put into config.yaml from `image`."""

Schema = dict[str, Any]
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
        description="URIs below one of these may be read and written; each ends with a slash."
    )


class StoreValues(Store):
    """Where artifacts go when a resource does not say."""

    uri: str = Field(pattern="^s3://[^/]+(/.*)?$", description="Such as s3://lingraft/.")


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
        "environment: what it reads stores and sources with.",
    )


class ServiceAccount(PoolModel):
    """The operator's ServiceAccount."""

    annotations: dict[str, str] = Field(description="For workload identity.")


class Crds(PoolModel):
    """What belongs to the whole cluster, not to one release."""

    enabled: bool = Field(
        description="Install the LanguageAdaptation CRD, which uninstalling keeps, and the roles "
        "that let a namespace's editors and viewers use it."
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
    store: StoreValues | None = Field(
        default=None, description="Where artifacts go when a resource does not say."
    )
    s3: S3Values = Field(description="How the operator and the Ray pods reach S3.")
    pools: PoolValues = Field(
        default=PoolValues(), description="Where stages run; resources may override fields."
    )
    operator: Operator = Field(description="The operator's pod.")
    service_account: ServiceAccount = Field(description="The operator's ServiceAccount.")
    crds: Crds = Field(description="What belongs to the whole cluster, not to one release.")
    globals: dict[str, Any] = Field(
        default={}, alias="global", description="Set by Helm where this is a subchart; unused."
    )


def values_schema() -> Schema:
    """The JSON schema of values.yaml: what Config has, and what the chart adds."""
    config, values = (model.model_json_schema(by_alias=True) for model in (Config, Values))
    definitions = config["$defs"] | values["$defs"]
    fields = config["properties"] | values["properties"]
    schema = values | {"properties": {n: f for n, f in fields.items() if n not in COMPUTED}}
    del schema["$defs"]
    schema["description"] = "Values of the lingraft chart."
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return draft | _plain(schema, definitions)


def _plain(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """The same schema without references and `anyOf` null: Helm's complaints are shorter then.

    Titles and defaults go: the one repeats the name, the other stands in values.yaml.
    """
    node = dict(node)
    if reference := node.pop("$ref", ""):
        node = definitions[reference.rpartition("/")[2]] | node
    if options := node.pop("anyOf", None):
        (one,) = (option for option in options if option != {"type": "null"})
        node = _plain(one, definitions) | node
        node["type"] = [node["type"], "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    for key in ("title", "default"):
        node.pop(key, None)
    if "properties" in node:
        fields = node["properties"].items()
        node["properties"] = {name: _plain(field, definitions) for name, field in fields}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            node[key] = _plain(node[key], definitions)
    return node


def generated() -> dict[Path, bytes]:
    """Every generated file of the chart with its content."""
    schema = json.dumps(values_schema(), indent=2) + "\n"
    files = {CHART / "values.schema.json": schema.encode()}
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        files[CHART / "files" / "crds" / crd.name] = crd.read_bytes()
    return files


def main() -> int:
    """Write them."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
