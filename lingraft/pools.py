"""Pools: the two kinds of nodes that stages run on, `small` and `large`.

The chart sets them for everyone; a resource may override field by field in `spec.pools`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lingraft.stage import StageKind

PoolName = Literal["small", "large"]

POOL_OF: dict[StageKind, PoolName] = {
    "pretrain": "large",
    "mini": "small",
    "corpus": "small",
    "embed": "small",
    "finetune": "large",
    "graft": "large",
    "publish": "large",
}
"""Where each kind of stage runs: what passes through the full model needs the large nodes."""


class PoolModel(BaseModel):
    """Base of the pool models: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class Layer(PoolModel):
    """A model whose fields are all optional: another one may be laid over it."""

    def overridden_by(self, other: "Layer | None") -> Self:
        """This one with every field that `other` sets taken from there."""
        given: dict[str, Any] = {}
        for name in type(other).model_fields if other is not None else ():
            mine, value = getattr(self, name, None), getattr(other, name)
            if value is not None:
                given[name] = mine.overridden_by(value) if isinstance(mine, Layer) else value
        return self.model_copy(update=given)


Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")]
_ENDS = "[A-Za-z0-9]"
_HOST, _NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", rf"{_ENDS}([-A-Za-z0-9_.]*{_ENDS})?"
Extended = Annotated[str, Field(pattern=rf"^{_HOST}/{_NAME}$")]
"""An extended resource: never cpu or memory, whose limits it would go around."""
Disk = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(Mi|Gi|Ti|M|G|T)$")]


_DECIMAL = {"m": 0.001, "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(quantity: str | int) -> float:
    """A quantity of Kubernetes as a number: 500m, 16Gi, 4."""
    text = str(quantity)
    number = text.rstrip("mkKMGTi")
    return float(number) * (_DECIMAL | _BINARY)[text.removeprefix(number)]


class Price(PoolModel):
    """What one worker of the pool costs, for the bill in `status.compute`."""

    per_hour: float = Field(ge=0, description="Price of one worker for one hour.")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")


class Toleration(PoolModel):
    """A taint that the pool's pods tolerate (Kubernetes' Toleration)."""

    key: str | None = Field(default=None, description="Taint key; absent: every taint.")
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None, description="How value is compared; default: Equal."
    )
    value: str | None = Field(default=None, description="Taint value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; absent: every effect."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that a NoExecute taint is tolerated."
    )


class EnvVar(PoolModel):
    """A plain environment variable of the Ray containers."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Its name.")
    value: str = Field(default="", description="Its value; secrets belong into the store's Secret.")


class LocalObject(PoolModel):
    """A reference to an object of the same namespace (Kubernetes' LocalObjectReference)."""

    name: str = Field(min_length=1, description="Its name.")


class HeadSize(Layer):
    """What the head pod beside workers gets: it runs Ray and the driver, and does not train."""

    cpu: Cpu | None = Field(default=None, description="CPU, request and limit. Default: 1.")
    memory: Memory | None = Field(
        default=None, description="Memory, request and limit. Default: 3Gi."
    )
    scratch_size: Disk | None = Field(
        default=None, description="Disk for temporary files and Ray's logs. Default: 10Gi."
    )


class Pool(Layer):
    """Where a stage's pods run and what they get. In `spec.pools` every field is optional."""

    workers: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="Ray workers of a data-parallel stage, one pod each. 0: the stage runs in the "
        "head pod, for small models.",
    )
    cpu: Cpu | None = Field(
        default=None,
        description="CPU of one worker, request and limit, in cores or millicores.",
    )
    memory: Memory | None = Field(
        default=None,
        description="Memory of one worker, request and limit, such as 16Gi.",
    )
    gpus: int | None = Field(default=None, ge=0, le=16, description="GPUs of one worker.")
    gpu_resource: Extended | None = Field(
        default=None, description="Extended resource of a GPU: nvidia.com/gpu."
    )
    micro_batch_tokens: int | None = Field(
        default=None, ge=1, description="Tokens in one forward pass of one worker, at most."
    )
    node_selector: dict[str, str] | None = Field(
        default=None,
        description="Labels of the nodes for workers, and for the head where it works.",
    )
    head_node_selector: dict[str, str] | None = Field(
        default=None,
        description="Labels of the nodes for the head pod beside workers, off spot; {} is any "
        "untainted node. Default: nodeSelector.",
    )
    tolerations: list[Toleration] | None = Field(
        default=None,
        max_length=32,
        description="Taints that workers tolerate, such as spot's; the head too, unless "
        "headNodeSelector sends it elsewhere.",
    )
    price: Price | None = Field(default=None, description="What a worker costs, if it is known.")
    scratch_size: Disk | None = Field(
        default=None,
        description="Disk of one worker for caches and temporary files, such as 50Gi: request and "
        "limit of its ephemeral storage.",
    )
    head: HeadSize | None = Field(
        default=None, description="Size of the head pod beside workers, which does not train."
    )
    service_account_name: str | None = Field(
        default=None,
        min_length=1,
        description="ServiceAccount of the Ray pods, for workload identity; its token is not "
        "mounted.",
    )
    image_pull_secrets: list[LocalObject] | None = Field(
        default=None, max_length=8, description="Secrets for pulling the trainer image."
    )
    priority_class_name: str | None = Field(
        default=None, min_length=1, description="PriorityClass of the Ray pods."
    )
    env: list[EnvVar] | None = Field(
        default=None, max_length=64, description="Environment variables of the Ray containers."
    )


class Pools(PoolModel):
    """Overrides of the chart's pools."""

    small: Pool | None = Field(
        default=None, description="Nodes for corpus, mini and embed stages: cheap, many."
    )
    large: Pool | None = Field(
        default=None, description="Nodes for pretrain, finetune and graft stages: with GPUs."
    )
