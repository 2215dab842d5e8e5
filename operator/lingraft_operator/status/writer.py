"""The only writer of statuses: what changed is written, told as Events, and counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from lingraft.status import LanguageAdaptationStatus, StageStatus
from lingraft_operator import metrics
from lingraft_operator.cluster import Cluster, Refused, Unavailable
from lingraft_operator.status.events import Note, transitions
from lingraft_operator.watches.cache import Cache
from lingraft_operator.world import Key, Resource

PROGRESS_SECONDS = 60
"""Progress alone is written at most so often. A stage's first, which tells that it works, is not
held back."""


@dataclass
class StatusWriter:
    """Writes statuses; what the API server answers goes into the cache."""

    cache: Cache
    cluster: Cluster
    tell: Callable[[Resource, Note], None]
    _written: dict[Key, float] = field(default_factory=dict[Key, float])

    def write(self, resource: Resource, after: LanguageAdaptationStatus) -> None:
        """Write what a resource's status is to be, if it is another one.

        Raises:
            Conflict: The resource changed since it was judged.
            Unavailable, Refused: The API server does not take it.
        """
        before = resource.status
        if before == after:
            self.cache.note_written(resource.key, written=True)
            return
        if _lasting(before) == _lasting(after):
            if time.monotonic() - self._written.get(resource.key, -inf) < PROGRESS_SECONDS:
                return
            self._written[resource.key] = time.monotonic()
        try:
            with metrics.reconcile_seconds.labels("write").time():
                body = self.cluster.write_status(resource, after.to_json())
        except (Refused, Unavailable):
            self.cache.note_written(resource.key, written=False)
            raise
        self.cache.note_written(resource.key, written=True)
        self.cache.put_resource(body, answer=True)
        for note in transitions(before, after):
            self.tell(resource, note)
        _count(before, after)
        metrics.count_spent(resource.namespace, before.budget, after.budget)

    def forget(self, key: Key) -> None:
        """A resource is gone."""
        self._written.pop(key, None)


def _lasting(status: LanguageAdaptationStatus) -> tuple[LanguageAdaptationStatus, list[bool]]:
    """The status without what changes all the time, and which stages tell of progress."""
    charges = {"seconds": None, "flops": None, "paid_until": None}

    def lasting(stage: StageStatus) -> StageStatus:
        attempts = tuple(one.model_copy(update=charges) for one in stage.attempts)
        return stage.model_copy(update={"progress": None, "eta": None, "attempts": attempts})

    stages = tuple(map(lasting, status.stages))
    told = [stage.progress is not None for stage in status.stages]
    return status.model_copy(update={"stages": stages, "progress": "", "budget": None}), told


def _count(before: LanguageAdaptationStatus, after: LanguageAdaptationStatus) -> None:
    """Metrics of what ended between two statuses."""
    ended_before = {
        attempt.uid
        for stage in before.stages
        for attempt in stage.attempts
        if attempt.ended_at is not None
    }
    for stage in after.stages:
        for attempt in stage.attempts:
            if attempt.ended_at is not None and attempt.uid not in ended_before:
                # The reason of one that was left may be a trainer's own word: no label.
                done = attempt.reason == metrics.SUCCEEDED
                outcome = attempt.failure_class or (metrics.SUCCEEDED if done else metrics.LEFT)
                metrics.attempts_ended.labels(stage.kind, outcome).inc()
                if outcome == metrics.SUCCEEDED:
                    metrics.device_seconds.labels(stage.kind).inc(stage.device_seconds or 0.0)
