"""What to do about a stage whose RayJob is there and not finished: pure.

It is joined, said, and ended where it cannot go on; who calls has seen that there is no manifest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import isfinite

from pydantic import ValidationError

from lingraft.pools import Pool, PoolName
from lingraft.resource import Retry
from lingraft.stage import Progress
from lingraft.status import StageProgress, StageState, StageStatus
from lingraft_operator.config import Config
from lingraft_operator.decision.actions import Action, Join
from lingraft_operator.decision.attempts import ended
from lingraft_operator.decision.failures import ending_of
from lingraft_operator.decision.past import kept_before
from lingraft_operator.world import Ending, Observed, PodTrouble, RayJob

TWO_HEADS = timedelta(seconds=60)
"""How long KubeRay may have two heads: one that it replaces is about to go."""
MOST_UPDATES, MOST_SECONDS = 10**12, 10 * 365 * 24 * 3600
"""That a heartbeat may tell of: whoever may write to a store can write one."""


@dataclass(frozen=True)
class Verdict:
    """A stage's new state, and what follows."""

    stage: StageStatus
    action: Action | None = None
    wake_at: datetime | None = None
    waits_for_slot: bool = False


@dataclass(frozen=True)
class AtWork:
    """Judges what is at work for one resource at one moment."""

    uid: str
    """Of the resource."""
    retry: Retry
    pools: Mapping[PoolName, Pool]
    observed: Observed
    config: Config
    now: datetime
    slots: dict[PoolName, int] = field(default_factory=dict[PoolName, int])
    """Counted down with every launch of this pass."""
    held: bool = False
    """Whether nothing new may start; what runs goes on."""
    anew: bool = False
    """Whether what waits for a cause outside to go is tried at once."""

    def _set(
        self, stage: StageStatus, state: StageState, reason: str = "", message: str = ""
    ) -> StageStatus:
        """The stage in a state in which it is not running."""
        cleared = {"ray_job": None, "dashboard_url": None, "progress": None, "eta": None}
        update = {"state": state, "reason": reason, "message": message, "not_before": None}
        return stage.model_copy(update=cleared | update)

    @property
    def _timeout(self) -> timedelta:
        return timedelta(seconds=self.config.heartbeat_timeout_seconds)

    def _live(self, stage: StageStatus, rayjob: RayJob) -> Verdict:
        stage = stage.model_copy(
            update={
                "ray_job": rayjob.name,
                "dashboard_url": rayjob.dashboard_url,
                "not_before": None,
                "eta": None,
            }
        )
        poll = self.now + timedelta(seconds=self.config.poll_seconds)
        if not rayjob.owned_by(self.uid) and self.held:
            return Verdict(self._set(stage, "Waiting"))
        if not rayjob.owned_by(self.uid):
            words = "joining the RayJob of another resource"
            said = {"state": "Starting", "reason": "Joining", "message": words}
            return Verdict(stage.model_copy(update=said), Join(rayjob), wake_at=poll)
        trouble = self.observed.troubles.get(rayjob.holder)
        ending, check_at = self._must_end(stage, rayjob, trouble)
        if ending is not None:
            stage = ended(stage, ending, self.observed, self.now)
            # First it is written down that and why it ended; what follows comes next.
            return Verdict(self._set(stage, "Retrying"), wake_at=self.now)
        wake = min(poll, check_at)
        if rayjob.running:
            return Verdict(self._running(stage, rayjob), wake_at=wake)
        state: StageState = "Queued" if rayjob.suspended else "Starting"
        reason = "PodsRefused" if rayjob.refused else "Starting"
        message = rayjob.message or "waiting for its pods"
        if rayjob.suspended:
            reason, message = "WaitingForQueue", "waiting for Kueue to admit it"
        said_of_pods = trouble or self.observed.disruptions.get(rayjob.holder)
        if said_of_pods is not None:
            waits = said_of_pods.kind == "waiting"
            reason = "WaitingForCapacity" if waits else said_of_pods.reason
            message = said_of_pods.message
        said = {"state": state, "reason": reason, "message": message, "progress": None}
        return Verdict(stage.model_copy(update=said), wake_at=wake)

    def _must_end(
        self, stage: StageStatus, rayjob: RayJob, trouble: PodTrouble | None
    ) -> tuple[Ending | None, datetime]:
        """Whether a live RayJob has to be ended, and when to ask again at the latest."""
        if trouble is not None and trouble.kind == "resource":
            # Its pod would be made anew, and use too much again, for ever.
            return Ending("resource", trouble.reason, trouble.message), self.now
        aside = trouble is not None and trouble.kind == "aside" and not rayjob.running
        if trouble is not None and (aside or trouble.kind in ("unready", "fatal")):
            grace = timedelta(seconds=self.config.grace_seconds)
            until = trouble.since + (timedelta() if trouble.kind == "fatal" else grace)
            if until <= self.now:
                return Ending("outside", trouble.reason, trouble.message), self.now
            return None, until
        if trouble is not None and trouble.kind == "doubled" and not rayjob.running:
            until = trouble.since + TWO_HEADS
            if until <= self.now:
                ending = Ending("infrastructure", trouble.reason, trouble.message, counted=False)
                return ending, self.now
            return None, until
        if rayjob.running and (heard := self._heard(rayjob)) is not None:
            if heard + self._timeout <= self.now:
                quiet = f"nothing was heard of {rayjob.name} since {heard:%H:%M:%S} UTC"
                lost = replace(rayjob, reason="HeartbeatLost", message=quiet)
                kept, last = kept_before(stage), stage.attempts[-1]
                return ending_of(last, lost, self.observed, kept=kept), self.now
            return None, heard + self._timeout
        return None, self.now + self._timeout

    def _heard(self, rayjob: RayJob) -> datetime | None:
        """When we saw the last sign of life: a heartbeat, a renewed lease, or that it began."""
        signs = self.observed.signs.get(rayjob.holder)
        seen = (rayjob.running_since, signs.heard if signs is not None else None)
        return max((one for one in seen if one is not None), default=None)

    def _running(self, stage: StageStatus, rayjob: RayJob) -> StageStatus:
        update: dict[str, object] = {"state": "Running", "reason": "", "message": ""}
        progress = self.observed.progress.get(rayjob.holder)
        if progress is not None and (seen := told(progress)) is not None:
            update["progress"] = seen
            left, heard = progress.seconds_left, self._heard(rayjob)
            if left is not None and heard is not None and 0 <= left <= MOST_SECONDS:
                update["eta"] = heard + timedelta(seconds=round(left))
        return stage.model_copy(update=update)


def told(progress: Progress) -> StageProgress | None:
    """A heartbeat as a status can hold it; None where no trainer of ours wrote it."""
    given = progress.model_dump()
    finite = {k: v if not isinstance(v, float) or isfinite(v) else None for k, v in given.items()}
    try:
        seen = StageProgress.model_validate(finite)
    except ValidationError:
        return None
    return seen if max(seen.step, seen.steps) <= MOST_UPDATES else None
