"""What the operator knows of the world: plain values, read by `observe`, judged by `reconcile`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from lingraft.errors import FailureClass
from lingraft.pools import PoolName
from lingraft.stage import Failure, Manifest, Progress
from lingraft.status import LanguageAdaptationStatus
from lingraft.store.lease import LeaseRecord

Key = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True)
class Resource:
    """A LanguageAdaptation as it was last seen."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created_at: datetime
    spec: Mapping[str, Any]
    status: LanguageAdaptationStatus
    retry: str = ""
    """Value of the annotation lingraft.dev/retry."""
    refresh: str = ""
    """Value of the annotation lingraft.dev/refresh."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name


@dataclass(frozen=True)
class RayJob:
    """A RayJob of ours as it was last seen."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    stage: str
    """`<kind>/<digest>`."""
    holder: str
    pool: PoolName
    micro_batch_tokens: int
    created_at: datetime
    owners: tuple[Mapping[str, Any], ...] = ()
    """Owner references, as they stand in the object."""
    deleting: bool = False
    suspended: bool = False
    """Kueue holds it back."""
    deployment_status: str = ""
    job_status: str = ""
    reason: str = ""
    message: str = ""
    refused: bool = False
    """KubeRay may not make its pods: a quota, an admission rule; the message says which."""
    running_since: datetime | None = None
    ended_at: datetime | None = None
    dashboard_url: str | None = None

    @property
    def finished(self) -> bool:
        """Whether KubeRay will do nothing more for it."""
        return self.deployment_status in ("Complete", "Failed", "ValidationFailed")

    @property
    def running(self) -> bool:
        """Whether the trainer was started."""
        return self.job_status == "RUNNING" and not self.finished

    def owned_by(self, uid: str) -> bool:
        """Whether a resource wants it."""
        return any(owner["uid"] == uid for owner in self.owners)


PodKind = Literal["waiting", "unready", "disrupted", "doubled", "fatal", "memory"]


@dataclass(frozen=True)
class PodTrouble:
    """What keeps a pod of a RayJob from working, or ended it.

    Attributes:
        kind: waiting: for capacity, may take any time; unready: cannot start as it is, may heal
            soon; doubled: there are two heads, and KubeRay waits until somebody deletes one; fatal:
            never starts; memory: killed for memory; disrupted: preempted, evicted or its node lost.
    """

    kind: PodKind
    reason: str
    message: str
    since: datetime


@dataclass(frozen=True)
class Observed:
    """All that a decision about one resource rests on."""

    rayjobs: Mapping[str, RayJob] = field(default_factory=dict[str, RayJob])
    """By name: those of the plan's stages, and whatever else the resource owns."""
    manifests: Mapping[str, Manifest] = field(default_factory=dict[str, Manifest])
    """By `<kind>/<digest>`."""
    leases: Mapping[str, LeaseRecord] = field(default_factory=dict[str, LeaseRecord])
    """By `<kind>/<digest>`; where nothing is said nobody holds the stage."""
    progress: Mapping[str, Progress] = field(default_factory=dict[str, Progress])
    """By holder: the last heartbeat."""
    failures: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    """By holder: what the trainer wrote before it gave up."""
    checkpoints: Mapping[str, int] = field(default_factory=dict[str, int])
    """By holder: the update that its newest checkpoint holds."""
    troubles: Mapping[str, PodTrouble] = field(default_factory=dict[str, PodTrouble])
    """By holder: the gravest."""
    lingering: frozenset[str] = frozenset()
    """Holders that still have pods."""
    slots: Mapping[PoolName, int] = field(default_factory=dict[PoolName, int])
    """RayJobs that this resource may start now; a pool without a limit is not listed."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, and what that means."""

    failure_class: FailureClass
    reason: str
    message: str
    counted: bool = True
