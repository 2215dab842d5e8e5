"""What the store says of the stages of one plan that are not done: who writes, and how it goes."""

from datetime import datetime, timedelta

from lingraft.plan import PlannedStage
from lingraft.stage import Failure, Progress
from lingraft.store.base import ArtifactStore, Conflict
from lingraft.store.lease import LEASE_SECONDS, Lease, LeaseRecord
from lingraft.store.stages import StageStore
from lingraft_operator.sightings import Sightings, utc_now
from lingraft_operator.world import RayJob


class Seen:
    """What was read; by `<kind>/<digest>` or by holder, as `Observed` has it."""

    def __init__(self, store: ArtifactStore, sightings: Sightings) -> None:
        self._store, self._sightings = store, sightings
        self.leases: dict[str, LeaseRecord] = {}
        self.held_until: dict[str, datetime] = {}
        self.progress: dict[str, Progress] = {}
        self.failures: dict[str, Failure] = {}
        self.checkpoints: dict[str, int] = {}

    def stage(self, planned: PlannedStage, rayjob: RayJob | None, unjudged: str | None) -> None:
        """Look at one stage.

        Args:
            planned: The stage; its inputs are there.
            rayjob: The one of that name.
            unjudged: The holder of an attempt whose end has not been judged.
        """
        at_work = rayjob.holder if rayjob is not None and not rayjob.finished else None
        if rayjob is None or rayjob.finished:
            self._look_who_writes(planned)
        elif rayjob.running:
            self._look_for_signs(planned, rayjob)
        ended = {unjudged} if unjudged and unjudged != at_work else set[str]()
        if rayjob is not None and (rayjob.finished or (rayjob.running and not self._held(rayjob))):
            ended.add(rayjob.holder)
        self._last_words(planned, ended)

    def _look_who_writes(self, planned: PlannedStage) -> None:
        lease = Lease(self._store, planned.stage, "")
        found = lease.read()
        if found is None:
            return
        self.leases[planned.stage.ref] = found[0]
        if not found[0].released:
            try:
                left = lease.seconds_left(found[1])
            except Conflict:  # renewed just now
                left = LEASE_SECONDS
            self.held_until[planned.stage.ref] = utc_now() + timedelta(seconds=left)

    def _look_for_signs(self, planned: PlannedStage, rayjob: RayJob) -> None:
        lease = Lease(self._store, planned.stage, "").read()
        if lease is not None:
            self.leases[planned.stage.ref] = lease[0]
        progress = StageStore(self._store, planned.stage, rayjob.holder).read_progress(
            rayjob.holder
        )
        if progress is not None:
            self.progress[rayjob.holder] = progress
        self._sightings.look(
            (rayjob.namespace, rayjob.holder),
            progress=progress.updated_at if progress is not None else "",
            lease=lease[1] if lease is not None and lease[0].holder == rayjob.holder else "",
        )

    def _held(self, rayjob: RayJob) -> bool:
        """Whether its trainer is at work, as far as the lease tells."""
        lease = self.leases.get(rayjob.stage)
        return lease is not None and lease.holder == rayjob.holder and not lease.released

    def _last_words(self, planned: PlannedStage, holders: set[str]) -> None:
        for holder in holders:
            stages = StageStore(self._store, planned.stage, holder)
            failure = stages.read_failure(holder)
            if failure is not None:
                self.failures[holder] = failure
            newest = next((c for c in stages.checkpoints() if c.holder == holder), None)
            if newest is not None:
                self.checkpoints[holder] = newest.step
