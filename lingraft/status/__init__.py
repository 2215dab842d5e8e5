"""`LanguageAdaptation.status`: what the operator reports, and all that it remembers.

Conditions are for machines and follow kstatus: Reconciling and Stalled are there only while
True, Ready is there always. `phase` and `progress` are for people.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, ValidationError

from lingraft.errors import FailureClass
from lingraft.plan import Plan
from lingraft.stage import StageKind
from lingraft.status.budget import BudgetStatus, Left, Money, Spent
from lingraft.status.former import FormerAttempts
from lingraft.status.model import StatusModel
from lingraft.status.refresh import RefreshStatus
from lingraft.status.results import Artifacts, ComputeStatus, Evaluation, HeldOut, PublishedStatus

__all__ = [
    "Artifacts",
    "Attempt",
    "BudgetStatus",
    "ComputeStatus",
    "Condition",
    "ConditionType",
    "Evaluation",
    "FormerAttempts",
    "HeldOut",
    "LanguageAdaptationStatus",
    "Left",
    "Money",
    "Phase",
    "PinnedPlan",
    "PublishedStatus",
    "RefreshStatus",
    "Spent",
    "StageProgress",
    "StageState",
    "StageStatus",
    "StatusModel",
]

Phase = Literal["Pending", "Running", "Suspended", "Ready", "Stalled"]
ConditionType = Literal[
    "Ready", "Reconciling", "Stalled", "EmbeddingsTrained", "QualityGatePassed", "Refreshed"
]
StageState = Literal["Waiting", "Queued", "Starting", "Running", "Retrying", "Done", "Failed"]


class Condition(StatusModel):
    """One aspect of the present state (Kubernetes' metav1.Condition)."""

    type: ConditionType = Field(
        description="Which aspect. Ready is there always, Reconciling and Stalled only while True."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(min_length=1, description="Why, in one CamelCase word, for machines.")
    message: str = Field(description="Why, in a sentence, for people.")
    observed_generation: int = Field(ge=0, description="The metadata.generation that was judged.")
    last_transition_time: datetime = Field(description="When its status last changed.")


class Attempt(StatusModel):
    """One RayJob that was started for a stage, or that was joined."""

    number: int = Field(ge=1, description="1 for the first.")
    ray_job: str = Field(description="Name of the RayJob.")
    uid: str = Field(description="UID of the RayJob.")
    holder: str = Field(description="Who wrote to the store: the folder of its files there.")
    micro_batch_tokens: int = Field(
        ge=1, description="Tokens in one forward pass of one worker, at most."
    )
    started_at: datetime = Field(description="When the RayJob was created.")
    ended_at: datetime | None = Field(default=None, description="When its end was seen.")
    step: int | None = Field(
        default=None, ge=0, description="Updates whose checkpoint was in the store when it ended."
    )
    failure_class: FailureClass | None = Field(
        default=None,
        description="What failed. user: the input, which must change; outside: what the spec does "
        "not say, such as an image, a Secret or a quota, tried again now and then; infrastructure: "
        "retried as it is; resource: memory or disk, retried once, for memory with half the "
        "micro-batch.",
    )
    reason: str | None = Field(default=None, description="Why it ended, in CamelCase.")
    message: str | None = Field(default=None, description="Why it ended, in a sentence.")
    counted: bool = Field(
        default=True, description="Whether it counts towards spec.retry.maxAttempts."
    )
    seconds: float | None = Field(
        default=None, description="Seconds at work that this resource was charged for."
    )
    flops: float | None = Field(
        default=None, description="FLOPs, by formula, that this resource was charged for."
    )
    paid_until: datetime | None = Field(
        default=None, description="Until when it was charged, while its trainer runs."
    )


class StageProgress(StatusModel):
    """How far a running stage is."""

    step: int = Field(ge=0, description="Updates done.")
    steps: int = Field(ge=0, description="Updates in all; 0: not known yet.")
    phase: str = Field(default="", description="What it is doing, in a few words.")
    loss: float | None = Field(default=None, description="Training loss, in nats per token.")
    tokens_per_second: float | None = Field(
        default=None, description="Tokens per second, of all workers together."
    )
    updated_at: datetime = Field(description="The trainer's last heartbeat.")


class StageStatus(StatusModel):
    """One stage of the plan."""

    name: str = Field(description="Its name in the plan, such as finetune-xnli-0.")
    kind: StageKind = Field(description="What kind of work it is.")
    digest: str = Field(
        description="Hex sha256 of its recipe: <store>/<kind>/<digest>/ is its place in the store."
    )
    state: StageState = Field(
        description="Waiting for its inputs, Queued for a slot, a lease or Kueue, Starting its "
        "pods, Running, Retrying after a failure, Done, or Failed for good."
    )
    reason: str = Field(default="", description="Why, in one CamelCase word, where that helps.")
    message: str = Field(default="", description="Why, in a sentence.")
    cached: bool = Field(default=False, description="Done by no attempt of this resource.")
    holder: str | None = Field(
        default=None, description="Who wrote the artifact: the folder of its files in the store."
    )
    written_by: str | None = Field(
        default=None,
        description="namespace/name of the resource that computed the artifact, local for a run "
        "outside of a cluster, or unknown: as the artifact's writer said.",
    )
    ray_job: str | None = Field(default=None, description="RayJob of the present attempt.")
    dashboard_url: str | None = Field(
        default=None, alias="dashboardURL", description="URL of its Ray dashboard in the cluster."
    )
    log: str | None = Field(
        default=None,
        description="URI of what its trainer said last, with the traceback if it failed: there "
        "from its first heartbeat on, and after its pods are gone. lingraft logs prints it.",
    )
    progress: StageProgress | None = Field(default=None, description="How far it is.")
    eta: datetime | None = Field(default=None, description="When it may be done, at this speed.")
    not_before: datetime | None = Field(default=None, description="When the next attempt starts.")
    attempts: tuple[Attempt, ...] = Field(
        default=(),
        description="The newest attempts: ten, or as many as there is room for beside many stages.",
    )
    former_attempts: FormerAttempts | None = Field(
        default=None, description="What the attempts before those leave behind."
    )
    device_seconds: float | None = Field(
        default=None,
        description="Measured, once it is done: GPU-seconds, or core-seconds without GPUs.",
    )


class PinnedPlan(StatusModel):
    """The plan that is followed to the end, whatever changes around it."""

    generation: int = Field(ge=0, description="The metadata.generation it was made for.")
    contract: int = Field(description="Number of the stages' contract; digests depend on it.")
    trainer_image: str = Field(description="Image of the Ray pods.")
    credentials_secret: str | None = Field(
        default=None, description="Secret with the store's credentials."
    )
    refresh: str = Field(
        default="", description="Value of the annotation lingraft.dev/refresh it was made for."
    )
    replaced: str = Field(
        default="", description="Why it stands in the place of one that was pinned before."
    )
    content: str = Field(
        description="The plan as JSON: stages, parameters, fingerprints of all sources. One "
        "string, because it must come back byte by byte: digests depend on it."
    )

    @property
    def plan(self) -> Plan:
        """The plan itself: one of an older contract keeps the digests of its own."""
        return _plan(self.content, self.contract)

    @property
    def readable(self) -> Plan | None:
        """The plan, unless a release that has other fields pinned it."""
        try:
            return self.plan
        except ValidationError:
            return None


@lru_cache(maxsize=32)
def _plan(content: str, contract: int) -> Plan:
    """Of hundreds of stages it takes a while to read, and is asked for several times a pass."""
    return Plan.model_validate_json(content).under(contract)


class LanguageAdaptationStatus(StatusModel):
    """State of an adaptation, as last judged by the operator."""

    observed_generation: int = Field(
        default=0, ge=0, description="The metadata.generation that was judged."
    )
    phase: Phase = Field(
        default="Pending",
        description="The state in one word, for people; machines read conditions.",
    )
    progress: str = Field(default="", description="What is going on, in a few words, for people.")
    heals: bool = Field(
        default=False,
        description="Whether a Stalled resource goes on by itself once its cause, which is none of "
        "the spec's, is gone: it is judged again after minutes, then more rarely, at least every "
        "hour. Otherwise it waits for an edit or a new value of lingraft.dev/retry.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        description="The state for machines: Ready, Reconciling, Stalled, EmbeddingsTrained, "
        "QualityGatePassed, Refreshed.",
    )
    stages: tuple[StageStatus, ...] = Field(
        default=(), description="The plan's stages, in its order."
    )
    plan: PinnedPlan | None = Field(
        default=None,
        description="The plan that is followed to the end, whatever changes around it.",
    )
    refresh: RefreshStatus | None = Field(
        default=None, description="When sources were looked up anew, and when they will be."
    )
    last_ready: tuple[str, ...] = Field(
        default=(),
        description="`<kind>/<digest>` of the artifacts that are Ready, or were last: while what "
        "changed in the sources is computed, and if that fails, they stay.",
    )
    budget: BudgetStatus | None = Field(
        default=None, description="What all attempts spent, and what is left of spec.budget."
    )
    artifacts: Artifacts | None = Field(default=None, description="URIs of what came out.")
    published: PublishedStatus | None = Field(
        default=None, description="What was published, and since when."
    )
    evaluation: tuple[Evaluation, ...] = Field(
        default=(), description="Zero-shot scores in the new language, per task and metric."
    )
    heldout: HeldOut | None = Field(
        default=None, description="A score that needs no labels: held-out text, masked."
    )
    warnings: tuple[str, ...] = Field(
        default=(),
        description="What deserves a look: runs that are short, scores no better than a floor, "
        "models that answer one class for all.",
    )
    compute: ComputeStatus | None = Field(
        default=None, description="What it cost: FLOPs by formula, device-seconds measured."
    )
    retry: str = Field(
        default="", description="Value of the annotation lingraft.dev/retry that was obeyed."
    )

    def to_json(self) -> dict[str, Any]:
        """The JSON object as Kubernetes stores it."""
        return self.model_dump(mode="json", by_alias=True)
