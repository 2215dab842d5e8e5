"""Stages: pure functions of parameters and inputs, named by the digest of both.

A digest names the *recipe*, not the bytes. What defines the result is digested (params,
inputs, the contract's number); how it is executed (workers, threads, micro-batch,
precision, image) is not: that is recorded in the manifest.

Layout in the store:
    <kind>/<digest>/manifest.json        written last, only if absent; its presence is success
    <kind>/<digest>/lease.json           who is writing now
    <kind>/<digest>/events.out.tfevents.*    curves for people, no part of the artifact
    <kind>/<digest>/<holder>/files/      that holder's output
    <kind>/<digest>/<holder>/progress.json, failure.json, checkpoints/step-<n>/
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lingraft.errors import FailureClass

CONTRACT = 2
"""Raised when a stage's meaning changes: every digest changes with it.

2: tokenizers lose no letter, held-out text is chosen by paragraph, a base is fingerprinted by what
is read of it, and its tokenizer is the one of its file.
"""

WRITTEN_BY, LOCAL = "writtenBy", "local"
"""In a manifest's environment: `namespace/name` of a resource, or a run outside of a cluster."""
WRITER = "LINGRAFT_WRITER"
"""The environment variable that tells a trainer so."""
MADE_FOR = "madeFor"
"""In a manifest's environment: what people call the stage, `<resource>/<its name in the plan>`."""
_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9][-a-z0-9.]{0,252}")

_CALLED = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}/[a-zA-Z0-9][-a-zA-Z0-9._]{0,100}")

StageKind = Literal["pretrain", "mini", "corpus", "embed", "finetune", "graft", "publish"]

DATA_PARALLEL: frozenset[StageKind] = frozenset({"pretrain", "mini", "embed", "finetune"})
"""Kinds that run on all of a pool's workers; the others run on one."""


def canonical_json(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, no NaN, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_of(value: object) -> str:
    """The hex sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


class Contract(BaseModel):
    """Base of everything that is written to the store: camelCase outside, frozen inside."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    def to_json(self) -> dict[str, Any]:
        """The JSON object as it is stored."""
        return self.model_dump(mode="json", by_alias=True)


class FileRecord(Contract):
    """One file of an artifact."""

    path: str = Field(description="Path relative to the holder's files/, with forward slashes.")
    size: int = Field(description="Bytes.")
    sha256: str


class Source(Contract):
    """An external input (checkpoint, text, task data) as it was when first planned.

    Small however many objects it has: a plan stands in a resource's status, and a stage's spec
    in an environment variable. `lingraft.sources` makes it, and holds what is there against it.
    """

    uri: str
    reads: str | None = Field(
        default=None,
        exclude_if=lambda reads: reads is None,
        description="As what it is read, which decides which of its files count "
        "(`lingraft.selection`). Unset in plans of contract 1: all of them.",
    )
    fingerprint: str = Field(
        description="Hex sha256 over the keys, sizes and tags (hash or ETag) of the objects that "
        "are read, and of the URI only what decides how it is read."
    )
    objects: int = Field(description="How many of them are read.")
    bytes: int = Field(description="Of all objects together.")
    text_bytes: int = Field(description="About how many bytes they are once decompressed.")


class Stage(Contract):
    """One node of the plan. Equal stages have equal digests, wherever they are computed."""

    kind: StageKind
    params: dict[str, Any]
    inputs: dict[str, str] = Field(
        description="Name to `<kind>/<digest>` of another stage, or `source/<fingerprint>`."
    )
    contract: int = Field(
        default=CONTRACT,
        exclude=True,
        description="Under which it was planned. Not written: whoever pins a stage writes it.",
    )

    @cached_property
    def digest(self) -> str:
        """Hex sha256 of contract, kind, params and input digests."""
        recipe = {"kind": self.kind, "params": self.params, "inputs": self.inputs}
        return sha256_of({"contract": self.contract, **recipe})

    @property
    def ref(self) -> str:
        """`<kind>/<digest>`: the stage's place in the store."""
        return f"{self.kind}/{self.digest}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's, which would take the digest along."""
        copied = super().model_copy(update=update, deep=deep)
        known: dict[str, Any] = vars(copied)
        known.pop("digest", None)
        return copied


CPU_MICRO_BATCH_TOKENS = 1024
"""What a CPU takes at once where more is allowed: more is no faster, and needs more memory."""


class Execution(Contract):
    """How a stage is run. Never part of a digest."""

    workers: int = Field(default=0, ge=0, description="Ray Train workers; 0 runs in this process.")
    threads: int = Field(default=0, ge=0, description="CPU threads per worker; 0: all cores.")
    gpus_per_worker: int = Field(default=0, ge=0)
    micro_batch_tokens: int = Field(
        default=16384, ge=1, description="Tokens in one forward pass of one worker, at most."
    )
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class StageSpec(Contract):
    """All that one process needs to run one stage: `python -m lingraft_trainer SPEC`."""

    stage: Stage
    sources: dict[str, Source] = Field(
        default_factory=dict, description="Fingerprint to source, for every source input."
    )
    store: str = Field(description="URI of the artifact store.")
    holder: str = Field(description="Who runs it: one attempt's RayJob, or a local run.")
    superseded: tuple[str, ...] = Field(
        default=(),
        description="Former holders that have certainly ended: their leases may be taken at once.",
    )
    execution: Execution = Execution()


class Compute(Contract):
    """What a stage cost. Sums of attempts; FLOPs by formula, the rest measured."""

    flops: float = Field(default=0.0, description="Floating-point operations, by formula.")
    tokens: int = Field(default=0, description="Input tokens processed, padding left out.")
    seconds: float = Field(default=0.0, description="Wall-clock seconds at work.")
    device_seconds: float = Field(
        default=0.0, description="Seconds times devices (GPUs, or CPU cores where there are none)."
    )


class Result(Contract):
    """What a stage function returns, beside the files it wrote."""

    metrics: dict[str, Any] = Field(default_factory=dict)
    compute: Compute = Compute()


class Manifest(Contract):
    """The proof that a stage is done; a valid manifest alone is success."""

    contract: int = CONTRACT
    stage: Stage
    holder: str
    files: tuple[FileRecord, ...]
    metrics: dict[str, Any]
    compute: Compute
    environment: dict[str, Any] = Field(description="Versions, machine, precision, workers.")
    created_at: str = Field(description="RFC 3339, UTC.")

    @property
    def made_for(self) -> str:
        """`<resource>/<its name in the plan>`, as its writer said; empty where nobody did."""
        said = self.environment.get(MADE_FOR)
        return said if isinstance(said, str) and _CALLED.fullmatch(said) else ""

    @property
    def written_by(self) -> str:
        """`namespace/name` of the resource that computed it, `local` or `unknown`.

        What its writer said: who may write to the store can say anything.
        """
        said = self.environment.get(WRITTEN_BY)
        known = isinstance(said, str) and (said == LOCAL or _RESOURCE.fullmatch(said))
        return str(said) if known else "unknown"


class Progress(Contract):
    """A running stage's heartbeat, written about every ten seconds."""

    step: int
    steps: int
    phase: str = Field(default="", description="What the stage is doing, for people.")
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    updated_at: str = Field(default="", description="RFC 3339, UTC.")


class Failure(Contract):
    """Why an attempt ended, in a form the operator can act on."""

    failure_class: FailureClass
    reason: str = Field(description="CamelCase, for conditions and events.")
    message: str
    where: str = ""
