"""What the operator knows of the world: plain values, read by `observe`, judged by `reconcile`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

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
    rollback: str = ""
    """Value of the annotation lingraft.dev/rollback."""
    release: str = ""
    """Value of the annotation lingraft.dev/release."""
    other_bytes: int = 0
    """What it takes in JSON, its status left out."""

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
    workers: int = 1
    devices: int = 1
    """GPUs of all workers, or cores where there are none."""
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
    """When we saw first that its trainer was started, for the last time."""
    started_at: datetime | None = None
    """By KubeRay, as its end is."""
    ended_at: datetime | None = None
    dashboard_url: str | None = None

    @property
    def finished(self) -> bool:
        """Whether KubeRay will do nothing more for it."""
        return self.deployment_status in ("Complete", "Failed", "ValidationFailed")

    @property
    def held_back(self) -> bool:
        """Whether Kueue holds it back, and its pods are gone or were never made."""
        return self.suspended and self.deployment_status in ("", "Suspended")

    @property
    def running(self) -> bool:
        """Whether the trainer was started."""
        return self.job_status == "RUNNING" and not self.finished

    def owned_by(self, uid: str) -> bool:
        """Whether a resource wants it."""
        return any(owner["uid"] == uid for owner in self.owners)


PodKind = Literal["waiting", "aside", "unready", "disrupted", "doubled", "fatal", "resource"]


@dataclass(frozen=True)
class Told:
    """What is said of a pod of a RayJob that does not work.

    Attributes:
        kind: waiting: for capacity, may take any time; aside: a container beside Ray's cannot
            start, which holds up no trainer that runs; unready: Ray's cannot start as it is, may
            heal soon; doubled: there are two heads, and KubeRay waits until somebody deletes one;
            fatal: never starts; resource: used more memory or disk than it may; disrupted:
            preempted, evicted or its node lost.
    """

    kind: PodKind
    reason: str
    message: str

    def seen(self, former: "PodTrouble | None", now: datetime) -> "PodTrouble":
        """The same, since it was first told so: words may change meanwhile."""
        same = former is not None and former.kind == self.kind
        since = former.since if same and former is not None else now
        return PodTrouble(self.kind, self.reason, self.message, since)


@dataclass(frozen=True)
class PodTrouble(Told):
    """What keeps a pod of a RayJob from working, or ended it."""

    since: datetime
    """When we saw it first: no other machine's clock is compared with ours."""


class Signs(NamedTuple):
    """When a trainer was heard of, by our own clock."""

    heard: datetime
    """When its heartbeat or its lease was last seen to have changed."""
    moved: datetime | None = None
    """It certainly made progress after this; None where that was not seen."""


@dataclass(frozen=True)
class Observed:
    """All that a decision about one resource rests on."""

    rayjobs: Mapping[str, RayJob] = field(default_factory=dict[str, RayJob])
    """By name: those of the plan's stages, and whatever else the resource owns."""
    manifests: Mapping[str, Manifest] = field(default_factory=dict[str, Manifest])
    """By `<kind>/<digest>`."""
    leases: Mapping[str, LeaseRecord] = field(default_factory=dict[str, LeaseRecord])
    """By `<kind>/<digest>`; where nothing is said nobody holds the stage."""
    held_until: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """By `<kind>/<digest>`: when the lease is over, where that may matter."""
    progress: Mapping[str, Progress] = field(default_factory=dict[str, Progress])
    """By holder: the last heartbeat."""
    failures: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    """By holder: what the trainer wrote before it gave up."""
    checkpoints: Mapping[str, int] = field(default_factory=dict[str, int])
    """By holder: the update that its furthest checkpoint holds."""
    signs: Mapping[str, Signs] = field(default_factory=dict[str, Signs])
    """By holder: when it was heard of."""
    troubles: Mapping[str, PodTrouble] = field(default_factory=dict[str, PodTrouble])
    """By holder: the gravest, disruptions left out: those may be of long ago."""
    disruptions: Mapping[str, PodTrouble] = field(default_factory=dict[str, PodTrouble])
    """By holder: the last one, which need not have ended it."""
    lingering: frozenset[str] = frozenset()
    """Holders that still have pods."""
    began: float | None = None
    """When this pass looked first, in monotonic seconds."""
    looked: frozenset[str] = frozenset()
    """`<kind>/<digest>` of what was read in this pass: nothing else may be started."""
    done: bool = False
    """All that is asked for was done before: nothing but its artifacts is looked at."""
    gone: tuple[str, ...] | None = None
    """`<kind>/<digest>` of artifacts that are no longer there; None where nobody looked."""
    slots: Mapping[PoolName, int] = field(default_factory=dict[PoolName, int])
    """RayJobs that this resource may start now; a pool without a limit is not listed."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, and what that means."""

    failure_class: FailureClass
    reason: str
    message: str
    counted: bool = True
