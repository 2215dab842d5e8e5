"""What whoever runs a cluster leaves to its tenants: pools, queues, priorities, accounts.

The operator's settings say it, and refuse what goes beyond; `lingraft validate --cluster` reads
the same file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from lingraft.errors import UserError
from lingraft.places import Location
from lingraft.pools import Cpu, Disk, Memory, Pool, PoolModel, PoolName, amount
from lingraft.resource import LanguageAdaptationSpec

PoolField = Literal[
    "workers",
    "cpu",
    "memory",
    "gpus",
    "gpuResource",
    "microBatchTokens",
    "nodeSelector",
    "headNodeSelector",
    "tolerations",
    "price",
    "scratchSize",
    "head",
    "serviceAccountName",
    "imagePullSecrets",
    "priorityClassName",
    "env",
]
POOLS: tuple[PoolName, ...] = ("small", "large")


class Most(PoolModel):
    """The most of it that a resource may ask for in `spec.pools`."""

    workers: int | None = Field(default=None, ge=0, description="Workers of a stage.")
    gpus: int | None = Field(default=None, ge=0, description="GPUs of one worker.")
    cpu: Cpu | None = Field(default=None, description="CPU of one pod, the head's too.")
    memory: Memory | None = Field(default=None, description="Memory of one pod, the head's too.")
    scratch_size: Disk | None = Field(default=None, description="Disk of one pod, the head's too.")


class PoolRules(PoolModel):
    """What a resource may change of a pool."""

    overridable: tuple[PoolField, ...] | None = Field(
        default=None,
        description="Fields that resources may override in spec.pools. Default: all; []: none.",
    )
    max: Most | None = Field(
        default=None, description="The most that resources may ask for; each field: any amount."
    )


class Tenant(PoolModel):
    """What the resources of a namespace may ask for; the first entry that names it counts."""

    namespace: str = Field(description="A namespace, or * for all others.")
    queue: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        max_length=63,
        description="Kueue LocalQueue of resources that name none.",
    )
    queue_required: bool = Field(
        default=False, description="Whether they may name no other than `queue`."
    )
    priority_classes: tuple[str, ...] | None = Field(
        default=None, description="PriorityClasses that they may name. Default: any."
    )
    service_accounts: tuple[str, ...] | None = Field(
        default=None, description="ServiceAccounts that they may name. Default: any."
    )

    @model_validator(mode="after")
    def _named(self) -> "Tenant":
        if self.queue_required and self.queue is None:
            raise ValueError("queueRequired needs queue: the one that all go through")
        return self


class _RulesOfPools(Protocol):
    def __getitem__(self, name: PoolName, /) -> PoolRules: ...


class Rules(Protocol):
    """The part of the operator's settings that is meant here."""

    @property
    def pools(self) -> _RulesOfPools:
        """By name."""
        ...

    @property
    def tenants(self) -> Sequence[Tenant]:
        """In their order."""
        ...


def tenant_of(namespace: str, rules: Rules) -> Tenant:
    """What is said of a namespace: by its name, else for all."""
    by_name = {one.namespace: one for one in reversed(rules.tenants)}
    return by_name.get(namespace) or by_name.get("*") or Tenant(namespace=namespace)


def not_allowed(
    spec: LanguageAdaptationSpec, namespace: str, rules: Rules
) -> Iterator[tuple[Location, UserError]]:
    """What a resource asks for beyond what is left to it: field and sentence.

    Args:
        spec: Of the resource, without what the operator adds.
        namespace: The resource's.
        rules: Of the cluster.
    """
    tenant = tenant_of(namespace, rules)
    if tenant.queue_required and spec.queue not in (None, tenant.queue):
        message = f"is {spec.queue}, and resources of namespace {namespace} go through"
        yield ("spec", "queue"), UserError(f"{message} {tenant.queue}: leave it out")
    for name in POOLS:
        asked: Pool | None = getattr(spec.pools, name)
        for field, message in _of_pool(asked, rules.pools[name], tenant) if asked else ():
            yield ("spec", "pools", name, *field), UserError(message)


def _of_pool(asked: Pool, rules: PoolRules, tenant: Tenant) -> Iterator[tuple[Location, str]]:
    given = asked.model_dump(by_alias=True, exclude_none=True)
    closed = [f for f in given if rules.overridable is not None and f not in rules.overridable]
    for field in closed:
        may = ", ".join(rules.overridable or ()) or "no field"
        yield (field,), f"is not for resources to set (in this pool: {may}): leave it out"
    most = (rules.max or Most()).model_dump(by_alias=True, exclude_none=True)
    for field, limit in most.items():
        places: list[tuple[Location, Any]] = [((field,), given.get(field))]
        places.append((("head", field), given.get("head", {}).get(field)))
        for place, value in places:
            if value is not None and amount(value) > amount(limit):
                yield place, f"is {value}; at most {limit} may be asked for"
    for field, names in (
        ("priorityClassName", tenant.priority_classes),
        ("serviceAccountName", tenant.service_accounts),
    ):
        if names is not None and (value := given.get(field)) is not None and value not in names:
            may = f"one of {', '.join(names)}" if names else "none"
            yield (field,), f"is {value}; resources of this namespace may name {may}"


class _PoolRules(PoolRules):
    model_config = ConfigDict(extra="ignore")


class _Pools(PoolModel):
    model_config = ConfigDict(extra="ignore")

    small: _PoolRules = _PoolRules()
    large: _PoolRules = _PoolRules()

    def __getitem__(self, name: PoolName) -> PoolRules:
        return self.small if name == "small" else self.large


class ClusterRules(PoolModel):
    """The rules alone, of a file with all of the operator's settings."""

    model_config = ConfigDict(extra="ignore")

    pools: _Pools = _Pools()
    tenants: tuple[Tenant, ...] = ()


def load_rules(file: Path) -> ClusterRules:
    """Read the operator's `config.yaml`.

    Raises:
        UserError: It is not there or not right.
    """
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return ClusterRules.model_validate(content)
    except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
        message = f"these are no settings of the operator ({error}); give its config.yaml"
        raise UserError(message, where=str(file)) from error
