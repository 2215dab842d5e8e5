"""One look at a stage: its manifest, else who writes it, how it goes, and how attempts ended."""

from dataclasses import replace
from datetime import datetime, timedelta

from lingraft.limits import NOTE_BYTES, too_large
from lingraft.plan import PlannedStage
from lingraft.scores import check_metrics
from lingraft.stage import WRITTEN_BY, Failure, Manifest, Progress
from lingraft.store.base import ArtifactStore, Conflict
from lingraft.store.lease import LEASE_SECONDS, Lease, LeaseRecord
from lingraft.store.stages import StageStore, read_manifest
from lingraft_operator.observation.looks import WHOLE_SECONDS, Look
from lingraft_operator.observation.sightings import Sightings, utc_now
from lingraft_operator.world import RayJob

Found = tuple[LeaseRecord, str] | None
"""A lease and its ETag."""


class Eyes:
    """Looks at stages of one store."""

    def __init__(self, store: ArtifactStore, sightings: Sightings) -> None:
        self._store, self._sightings = store, sightings

    def look(
        self, planned: PlannedStage, rayjob: RayJob | None, unjudged: str | None, new: Look
    ) -> Look:
        """Read a stage.

        Args:
            planned: The stage; its inputs are there.
            rayjob: The one of that name.
            unjudged: The holder of an attempt whose end has not been judged.
            new: Where what is read is noted.
        """
        manifest = self._manifest(planned)
        if manifest is not None:
            return replace(new, manifest=manifest)
        at_work = rayjob.holder if rayjob is not None and not rayjob.finished else None
        if rayjob is None or rayjob.finished:
            new = self._who_writes(planned, new)
        elif rayjob.running:
            found = Lease(self._store, planned.stage, "").read()
            new = self._signs(rayjob, self._progress(planned, rayjob), found, new)
        ended = {unjudged} if unjudged and unjudged != at_work else set[str]()
        if rayjob is not None and (
            rayjob.finished or (rayjob.running and not _holds(new.lease, rayjob))
        ):
            ended.add(rayjob.holder)
        return self._last_words(planned, ended, new)

    def goes_on(self, planned: PlannedStage, rayjob: RayJob, last: Look, new: Look) -> Look | None:
        """One request in place of three, of a trainer that was at work when last looked at.

        Returns:
            What is new; None where its heartbeat stands still, and all has to be read.
        """
        fresh = last.state == new.state and new.at - last.whole_at < WHOLE_SECONDS
        if not fresh or last.progress is None or not _holds(last.lease, rayjob):
            return None
        progress = self._progress(planned, rayjob)
        if progress is None or progress.updated_at == last.progress.updated_at:
            return None
        self._sightings.look(
            (rayjob.namespace, rayjob.holder), progress=progress.updated_at, lease=None
        )
        told = {"lease": last.lease, "progress": progress, "holder": rayjob.holder}
        return replace(new, whole_at=last.whole_at, **told)

    def _manifest(self, planned: PlannedStage) -> Manifest | None:
        """Without what no decision rests on: there may be hundreds, as long as they like.

        Which files there are is asked for by `gone_of` alone.
        """
        found = read_manifest(self._store, planned.stage.ref)
        if found is None:
            return None
        check_metrics(found, self._store)
        scores = found.metrics if planned.stage.kind in ("graft", "publish") else {}
        kept = {
            "stage": planned.stage,
            "files": (),
            "metrics": scores,
            "environment": {WRITTEN_BY: found.written_by},
        }
        manifest = found.model_copy(update=kept)
        size = len(manifest.model_dump_json())
        if size > NOTE_BYTES and planned.stage.kind != "graft":
            said = f"this manifest has {size:,} bytes beside its files and metrics"
            most = f"at most {NOTE_BYTES >> 10} KiB are kept"
            raise too_large(said, most, f"{self._store.uri}{planned.stage.ref}/manifest.json")
        return manifest

    def _progress(self, planned: PlannedStage, rayjob: RayJob) -> Progress | None:
        stages = StageStore(self._store, planned.stage, rayjob.holder)
        return stages.read_progress(rayjob.holder)

    def _who_writes(self, planned: PlannedStage, new: Look) -> Look:
        lease = Lease(self._store, planned.stage, "")
        found = lease.read()
        if found is None:
            return new
        until: datetime | None = None
        if not found[0].released:
            try:
                left = lease.seconds_left(found[1])
            except Conflict:  # renewed just now
                left = LEASE_SECONDS
            until = utc_now() + timedelta(seconds=left)
        return replace(new, lease=found[0], held_until=until)

    def _signs(self, rayjob: RayJob, progress: Progress | None, found: Found, new: Look) -> Look:
        lease = found[0] if found is not None else None
        self._sightings.look(
            (rayjob.namespace, rayjob.holder),
            progress=progress.updated_at if progress is not None else "",
            lease=found[1] if found is not None and _holds(lease, rayjob, released=True) else "",
        )
        return replace(new, lease=lease, progress=progress, holder=rayjob.holder)

    def _last_words(self, planned: PlannedStage, holders: set[str], new: Look) -> Look:
        failures: dict[str, Failure] = {}
        checkpoints: dict[str, int] = {}
        for holder in holders:
            stages = StageStore(self._store, planned.stage, holder)
            failure = stages.read_failure(holder)
            if failure is not None:
                failures[holder] = failure
            newest = next((c for c in stages.checkpoints() if c.holder == holder), None)
            if newest is not None:
                checkpoints[holder] = newest.step
        return replace(new, failures=failures, checkpoints=checkpoints)


def _holds(lease: LeaseRecord | None, rayjob: RayJob, *, released: bool = False) -> bool:
    """Whether its trainer is at work, as far as the lease tells; `released`: or was."""
    mine = lease is not None and lease.holder == rayjob.holder
    return mine and lease is not None and (released or not lease.released)
