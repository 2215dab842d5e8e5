"""What attempts cost, added up as they go: pure.

An attempt is charged while its trainer runs, by our clock, from pass to pass: `paidUntil` stands
in the status, so that nothing is charged twice and little is lost in a restart. KubeRay's start and
end of a RayJob, both by one clock, bound it where we saw neither. Of several resources that share a
RayJob the first of its owners pays: whoever launched it, then whoever is left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lingraft.plan import Plan, PlannedStage
from lingraft.pools import Pool, PoolName
from lingraft.resource.budget import Budget
from lingraft.spending import balance, exceeded, too_small
from lingraft.status import (
    Attempt,
    LanguageAdaptationStatus,
    Money,
    PinnedPlan,
    Spent,
    StageStatus,
)
from lingraft_operator.decision.past import kept_before
from lingraft_operator.world import Observed, RayJob

MOST_CURRENCIES = 8
"""That are added up; chart and resource name two at a time."""
Planned = Mapping[tuple[str, str], PlannedStage]
"""Stages by name and digest."""


def planned_in(before: LanguageAdaptationStatus, pinned: PinnedPlan | None) -> Planned:
    """The stages of the plan of before, and of the one that is followed now."""
    if not any(stage.attempts for stage in before.stages) and pinned is None:
        return {}
    plans = [before.plan, pinned] if pinned != before.plan else [pinned]
    known = [plan.readable for plan in plans if plan is not None]
    stages = [one for plan in known if plan is not None for one in plan.stages]
    return {(one.name, one.stage.digest): one for one in stages}


@dataclass(frozen=True)
class Purse:
    """Charges the attempts of one resource at one moment.

    Attributes:
        uid: Of the resource.
        budget: Its spec's.
        planned: For the FLOPs of its stages.
        pools: For the prices; empty where they are not known.
        observed: RayJobs, heartbeats, checkpoints and manifests.
        now: This moment.
    """

    uid: str
    budget: Budget | None
    planned: Planned
    pools: Mapping[PoolName, Pool]
    observed: Observed
    now: datetime

    def charged(self, status: LanguageAdaptationStatus) -> LanguageAdaptationStatus:
        """The status with all attempts charged until now."""
        spent = status.budget.spent if status.budget is not None else Spent()
        stages: list[StageStatus] = []
        for stage in status.stages:
            last = stage.attempts[-1] if stage.attempts else None
            rayjob = self.observed.rayjobs.get(last.ray_job) if last is not None else None
            present = last is not None and last.ended_at in (None, self.now)
            if last is not None and rayjob is not None and present and rayjob.uid == last.uid:
                planned = self.planned.get((stage.name, stage.digest))
                paid, spent = self._charge(stage, last, rayjob, planned, spent)
                stage = stage.model_copy(update={"attempts": (*stage.attempts[:-1], paid)})
            stages.append(stage)
        known = balance(self.budget, spent) if self.budget or spent != Spent() else None
        return status.model_copy(update={"stages": tuple(stages), "budget": known})

    def lasts_until(self, status: LanguageAdaptationStatus) -> datetime | None:
        """When hours or money are used up, as fast as they go now; None if nothing is paid for."""
        left = status.budget.left if status.budget is not None else None
        paid = [r for r in self.observed.rayjobs.values() if r.running and pays(r, self.uid)]
        if left is None or not paid:
            return None
        hours: list[float] = []
        if left.device_hours is not None:
            hours.append(left.device_hours / sum(rayjob.devices for rayjob in paid))
        prices = [(r.workers, pool.price) for r in paid if (pool := self.pools.get(r.pool))]
        rate = sum(
            workers * price.per_hour
            for workers, price in prices
            if price is not None and left.cost is not None and price.currency == left.cost.currency
        )
        if left.cost is not None and rate:
            hours.append(left.cost.amount / rate)
        # A second more, for it is judged by what was spent then.
        return self.now + timedelta(hours=min(*hours, 24.0), seconds=1) if hours else None

    def _charge(
        self,
        stage: StageStatus,
        attempt: Attempt,
        rayjob: RayJob,
        planned: PlannedStage | None,
        spent: Spent,
    ) -> tuple[Attempt, Spent]:
        seconds = self._seconds(attempt, rayjob)
        update: dict[str, object] = {"paid_until": self.now if self._ran(attempt, rayjob) else None}
        if not pays(rayjob, self.uid):
            return attempt.model_copy(update=update), spent
        flops = max(0.0, self._flops(stage, attempt, planned) - (attempt.flops or 0.0))
        hours = seconds / 3600
        pool = self.pools.get(rayjob.pool)
        cost = spent.cost
        if pool is not None and pool.price is not None and hours:
            amount = hours * rayjob.workers * pool.price.per_hour
            cost = _with(cost, Money(amount=amount, currency=pool.price.currency))
        if seconds:
            update["seconds"] = (attempt.seconds or 0.0) + seconds
        if flops:
            update["flops"] = (attempt.flops or 0.0) + flops
        total = Spent(
            flops=spent.flops + flops,
            device_hours=spent.device_hours + hours * rayjob.devices,
            cost=cost,
        )
        return attempt.model_copy(update=update), total

    def _ran(self, attempt: Attempt, rayjob: RayJob) -> bool:
        """Whether it runs, or ran until it ended: what waits for its pods costs nothing."""
        return rayjob.running or rayjob.finished or attempt.ended_at == self.now

    def _seconds(self, attempt: Attempt, rayjob: RayJob) -> float:
        """Seconds at work since they were last paid for."""
        since = attempt.paid_until or rayjob.running_since
        until = self.now if self._ran(attempt, rayjob) else since
        passed = (until - since).total_seconds() if since and until else 0.0
        if rayjob.finished and rayjob.started_at and rayjob.ended_at:
            # However late its end is seen, it ran no longer than KubeRay says.
            whole = (rayjob.ended_at - rayjob.started_at).total_seconds()
            rest = whole - (attempt.seconds or 0.0)
            passed = rest if since is None else min(passed, rest)
        return max(0.0, passed)

    def _flops(self, stage: StageStatus, attempt: Attempt, planned: PlannedStage | None) -> float:
        """All FLOPs of an attempt, by formula: of fine-tuning and evaluation once they are done."""
        if planned is None:
            return 0.0
        manifest = self.observed.manifests.get(planned.stage.ref)
        won = manifest is not None and manifest.holder == attempt.holder
        if not (planned.flops and planned.steps):
            return manifest.compute.flops if won and manifest is not None else 0.0
        progress = self.observed.progress.get(attempt.holder)
        seen = [
            planned.steps if won else 0,
            progress.step if progress is not None else 0,
            self.observed.checkpoints.get(attempt.holder, 0),
        ]
        steps = min(max(seen), planned.steps) - kept_before(stage)
        return max(0, steps) * planned.flops / planned.steps


def pays(rayjob: RayJob, uid: str) -> bool:
    """Whether a resource pays for a RayJob: the first of those that want it does."""
    return bool(rayjob.owners) and rayjob.owners[0]["uid"] == uid


def used_up(
    budget: Budget | None,
    status: LanguageAdaptationStatus,
    plan: Plan,
    rayjobs: Iterable[RayJob],
    uid: str,
) -> str:
    """Why nothing more may be spent, in a sentence; empty while it may.

    Args:
        budget: Of the spec.
        status: With what is spent.
        plan: What is followed.
        rayjobs: Those there are: a stage that another resource pays for costs nothing.
        uid: Of the resource.
    """
    if budget is None:
        return ""
    spent = status.budget.spent if status.budget is not None else Spent()
    if said := exceeded(budget, spent):
        return said
    left = [stage for stage in status.stages if stage.state != "Done"]
    if any(stage.attempts or stage.former_attempts for stage in left):
        return ""  # it has begun: it may go on to the last of the budget
    others = {one.stage for one in rayjobs if not one.finished and not pays(one, uid)}
    names = {stage.name for stage in left if f"{stage.kind}/{stage.digest}" not in others}
    return too_small(budget, spent, sum(one.flops for one in plan.stages if one.name in names))


def _with(cost: tuple[Money, ...], more: Money) -> tuple[Money, ...]:
    sums = {one.currency: one.amount for one in cost}
    if more.currency not in sums and len(sums) >= MOST_CURRENCIES:
        return cost
    sums[more.currency] = sums.get(more.currency, 0.0) + more.amount
    return tuple(Money(amount=amount, currency=currency) for currency, amount in sums.items())
