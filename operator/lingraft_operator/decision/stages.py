"""What to do about one stage: pure, and the heart of `reconcile`.

A valid manifest alone is success. Without one there is either a RayJob at work, or an
attempt that ended and is judged, or nothing yet. What is at work is judged in `at_work.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lingraft.plan import PlannedStage
from lingraft.pools import POOL_OF, PoolName
from lingraft.stage import CPU_MICRO_BATCH_TOKENS, Execution, Manifest
from lingraft.status import StageState, StageStatus
from lingraft_operator.decision.actions import Delete, Launch, Leave
from lingraft_operator.decision.at_work import AtWork, Verdict
from lingraft_operator.decision.attempts import is_final, with_attempts
from lingraft_operator.decision.healing import wait_after
from lingraft_operator.decision.past import Past, last_failure, past_of
from lingraft_operator.world import RayJob

PODS_GO_WITHIN = timedelta(seconds=120)
"""How long a retry waits for the pods of the attempt before; those of a lost node never go."""
LONGEST_BACKOFF = 600
SKEW = timedelta(minutes=1)
"""By which a time in the status may be ahead: the operator before ran on another machine."""
LOOK_AGAIN = timedelta(seconds=300)


@dataclass(frozen=True)
class Judge(AtWork):
    """Judges the stages of one resource at one moment."""

    def judge(
        self, planned: PlannedStage, before: StageStatus, rayjob: RayJob | None, *, ready: bool
    ) -> Verdict:
        """Judge a stage.

        Args:
            planned: The stage.
            before: What the status said of it.
            rayjob: The one with the stage's name, if there is one.
            ready: Whether all its inputs are in the store.
        """
        manifest = self.observed.manifests.get(planned.stage.ref)
        if manifest is not None:
            return self._done(before, rayjob, manifest)
        stage = with_attempts(before, rayjob, self.observed, uid=self.uid, now=self.now)
        last = stage.attempts[-1] if stage.attempts else None
        if is_final(past_of(stage), self.retry):  # nor does it join what others try
            return Verdict(self._set(stage, "Failed", *last_failure(stage)))
        if rayjob is not None and not rayjob.finished and not rayjob.deleting:
            judged = last is not None and last.uid == rayjob.uid and last.failure_class is not None
            if not judged:
                return self._live(stage, rayjob)
            # Who shares it judges for itself, and the last one deletes it. Stalled is to leave.
            if last is not None and last.failure_class == "outside" and rayjob.owned_by(self.uid):
                return Verdict(self._set(stage, "Retrying"), Leave(rayjob), wake_at=self.now)
            if last is not None and last.failure_class not in ("user", "outside"):
                return Verdict(self._set(stage, "Retrying"), Delete(rayjob), wake_at=self.now)
        if last is not None and last.ended_at == self.now:
            # First it is written down that and why it ended; what follows comes next.
            return Verdict(self._set(stage, "Retrying"), wake_at=self.now)
        return self._next(planned, stage, rayjob, ready=ready)

    def _done(self, before: StageStatus, rayjob: RayJob | None, manifest: Manifest) -> Verdict:
        last = before.attempts[-1] if before.attempts else None
        attempts = before.attempts
        if last is not None and last.ended_at is None:
            won = last.model_copy(update={"ended_at": self.now, "reason": "Succeeded"})
            attempts = (*attempts[:-1], won)
        stage = self._set(before, "Done").model_copy(
            update={
                "attempts": attempts,
                "holder": manifest.holder,
                "written_by": manifest.written_by,
                "device_seconds": manifest.compute.device_seconds,
                "cached": manifest.holder not in {attempt.holder for attempt in attempts},
            }
        )
        if rayjob is None or rayjob.finished or rayjob.deleting or not rayjob.owned_by(self.uid):
            return Verdict(stage)
        # The winner's ends by itself, unless it hangs; what others do is in vain.
        seen_at = attempts[-1].ended_at if attempts else None
        ends_by = (seen_at or self.now) + self._timeout
        if rayjob.holder == manifest.holder and self.now < ends_by:
            return Verdict(stage, wake_at=ends_by)
        return Verdict(stage, Leave(rayjob))

    def _next(
        self, planned: PlannedStage, stage: StageStatus, rayjob: RayJob | None, *, ready: bool
    ) -> Verdict:
        poll = self.now + timedelta(seconds=self.config.poll_seconds)
        past = past_of(stage)
        if rayjob is not None and rayjob.deleting:
            return Verdict(
                self._set(stage, "Retrying", "Retrying", "the RayJob before is ending"),
                wake_at=poll,
            )
        if not ready or self.held:
            return Verdict(self._set(stage, "Waiting"))
        last = stage.attempts[-1] if stage.attempts else None
        if last is not None and (wait := self._wait_after(stage, past)) > self.now:
            waiting = self._set(stage, "Retrying", "Retrying", f"{last.reason}: {last.message}")
            waiting = waiting.model_copy(update={"not_before": wait})
            # Pods that go wake us; nothing else does.
            return Verdict(waiting, wake_at=wait)
        superseded = self._superseded(stage)
        lease = self.observed.leases.get(planned.stage.ref)
        free = lease is None or lease.released or lease.holder in superseded
        until = self.observed.held_until.get(planned.stage.ref, self.now)
        if lease is not None and not free and until > self.now:
            held = self._set(stage, "Queued", "StageBusy", f"{lease.holder} is writing it")
            return Verdict(held, wake_at=min(poll, until))
        if rayjob is not None:  # finished, and judged: it makes room
            state: StageState = "Retrying" if last else "Starting"
            return Verdict(self._set(stage, state), Delete(rayjob), wake_at=poll)
        pool = POOL_OF[planned.stage.kind]
        if self.slots.get(pool, 1) < 1:
            message = f"waiting for a slot in pool {pool}"
            return Verdict(
                self._set(stage, "Queued", "WaitingForSlot", message),
                wake_at=self.now + LOOK_AGAIN,  # a slot that gets free wakes it sooner
                waits_for_slot=True,
            )
        if pool in self.slots:
            self.slots[pool] -= 1
        tokens = self._micro_batch_tokens(pool, past)
        launch = Launch(planned, pool, tokens, superseded)
        return Verdict(self._set(stage, "Starting"), launch, wake_at=poll)

    def _wait_after(self, stage: StageStatus, past: Past) -> datetime:
        """When the next attempt may start: after the backoff, and without pods of the last."""
        last = stage.attempts[-1]
        if last.ended_at is None or last.ended_at > self.now + SKEW:
            return self.now  # the latter was another clock's word: it may be days ahead
        doubled = self.retry.backoff_seconds * 2 ** max(0, past.failed - 1)
        wait = last.ended_at + timedelta(seconds=min(doubled, LONGEST_BACKOFF))
        if last.failure_class is None:  # suspended, or no longer wanted for a while
            wait = last.ended_at
        if last.failure_class == "outside":
            wait = self.now if self.anew else last.ended_at + wait_after(past.outside)
        if last.holder in self.observed.lingering:
            wait = max(wait, last.ended_at + PODS_GO_WITHIN)
        return wait

    def _superseded(self, stage: StageStatus) -> tuple[str, ...]:
        over = (a for a in stage.attempts if a.ended_at and a.holder not in self.observed.lingering)
        return tuple(attempt.holder for attempt in over)

    def _micro_batch_tokens(self, pool: PoolName, past: Past) -> int:
        """Half of what was too much, else the pool's: on CPUs no more than the trainer takes."""
        asked = self.pools[pool].micro_batch_tokens or Execution().micro_batch_tokens
        if not self.pools[pool].gpus:
            asked = min(asked, CPU_MICRO_BATCH_TOKENS)
        too_much = past.micro_batch_tokens
        return asked if too_much is None else max(1, min(asked, too_much) // 2)
