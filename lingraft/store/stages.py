"""What stands in the store for one stage: manifest, progress, failures, checkpoints, files."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from lingraft.cache import populate
from lingraft.errors import CorruptArtifactError, InfrastructureError
from lingraft.limits import CHECKPOINTS, LISTED, OBJECT_BYTES, at_most
from lingraft.stage import (
    Contract,
    Failure,
    FileRecord,
    Manifest,
    Progress,
    Result,
    Stage,
    sha256_of,
)
from lingraft.store.base import ArtifactStore, Conflict
from lingraft.store.disk import check_file, disk_errors, in_parallel
from lingraft.store.json_object import parse_object, timestamp, utc_now, write_object

KEPT_CHECKPOINTS = 2


class Checkpoint(Contract):
    """A complete checkpoint; what stands in its `checkpoint.json`, which is written last."""

    holder: str
    step: int
    files: tuple[FileRecord, ...]
    created_at: str


def _in_checkpoint(key: str) -> bool:
    """Whether it is `<kind>/<digest>/<holder>/checkpoints/...`, not a file of an artifact."""
    return key.split("/")[3:4] == ["checkpoints"]


def _declares(key: str) -> bool:
    """Whether it is a checkpoint's declaration, not a file of the same name inside one."""
    return _in_checkpoint(key) and key.split("/")[5:] == ["checkpoint.json"]


def read_manifest(store: ArtifactStore, ref: str) -> Manifest | None:
    """The manifest of the stage `<kind>/<digest>`, or None while it is not done.

    Raises:
        CorruptArtifactError: There is one, but not of this stage.
    """
    key = f"{ref}/manifest.json"
    found = parse_object(store, key, Manifest, OBJECT_BYTES)
    if found is None:
        return None
    manifest = found[0]
    stage = manifest.stage.model_copy(update={"contract": manifest.contract})
    if stage.ref != ref:
        message = f"this manifest is of another stage; {store.remedy(key)}"
        raise CorruptArtifactError(message, where=store.uri + key)
    return manifest.model_copy(update={"stage": stage})


class StageStore:
    """The part of a store that belongs to one stage, as one holder sees it."""

    def __init__(
        self,
        store: ArtifactStore,
        stage: Stage,
        holder: str,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._stage, self._holder, self._now = store, stage, holder, now
        self._home = f"{stage.ref}/{holder}/"

    def manifest(self) -> Manifest | None:
        """The stage's manifest, whoever wrote it; None while it is not done."""
        return read_manifest(self._store, self._stage.ref)

    def upload(self, local: Path) -> tuple[FileRecord, ...]:
        """Send the stage's output; what an earlier attempt of this holder left goes first."""
        done = self.manifest()
        if done is not None and done.holder == self._holder:
            return done.files  # published by another process of ours: not to be touched
        self._store.delete_prefix(self._home + "files/")
        return self._store.upload(local, self._home + "files/")

    def publish(
        self, files: Iterable[FileRecord], result: Result, environment: dict[str, Any]
    ) -> Manifest:
        """Make the uploaded files the stage's artifact, unless somebody else's are already.

        Returns:
            The manifest that stands; its holder tells whose it is.
        """
        mine = Manifest(
            stage=self._stage,
            holder=self._holder,
            files=tuple(files),
            metrics=result.metrics,
            compute=result.compute,
            environment=environment,
            created_at=timestamp(self._now()),
        )
        key = f"{self._stage.ref}/manifest.json"
        for _ in range(3):
            try:
                write_object(self._store, key, mine, if_absent=True)
            except Conflict:
                # None: S3 may also answer so while another write is still under way.
                if (theirs := self.manifest()) is not None:
                    return theirs
            else:
                return mine
        message = "the manifest could neither be written nor read; run again"
        raise InfrastructureError(message, where=self._store.uri + key)

    def write_progress(self, progress: Progress) -> None:
        """Write the heartbeat, stamped with this moment if it has no time of its own."""
        if not progress.updated_at:
            progress = progress.model_copy(update={"updated_at": timestamp(self._now())})
        write_object(self._store, self._home + "progress.json", progress)

    def read_progress(self, holder: str) -> Progress | None:
        """A holder's last heartbeat."""
        found = parse_object(self._store, f"{self._stage.ref}/{holder}/progress.json", Progress)
        return found[0] if found else None

    def write_failure(self, failure: Failure) -> None:
        """Write why this holder's attempt ended."""
        write_object(self._store, self._home + "failure.json", failure)

    def read_failure(self, holder: str) -> Failure | None:
        """Why a holder's attempt ended, if it said so."""
        found = parse_object(self._store, f"{self._stage.ref}/{holder}/failure.json", Failure)
        return found[0] if found else None

    def _checkpoint_home(self, holder: str, step: int) -> str:
        return f"{self._stage.ref}/{holder}/checkpoints/step-{step}/"

    def save_checkpoint(self, step: int, directory: Path) -> Checkpoint:
        """Upload a checkpoint, then declare it complete; of our own, the furthest other stays."""
        home = self._checkpoint_home(self._holder, step)
        self._drop(home)
        files = self._store.upload(directory, home + "files/")
        checkpoint = Checkpoint(
            holder=self._holder, step=step, files=files, created_at=timestamp(self._now())
        )
        write_object(self._store, home + "checkpoint.json", checkpoint)
        own = [c for c in self.checkpoints() if c.holder == self._holder and c.step != step]
        for old in own[KEPT_CHECKPOINTS - 1 :]:
            self._drop(self._checkpoint_home(old.holder, old.step))
        return checkpoint

    def _drop(self, home: str) -> None:
        # The declaration goes first: a half-deleted checkpoint must not look complete.
        self._store.delete(home + "checkpoint.json")
        self._store.delete_prefix(home)

    def drop_checkpoints(self) -> None:
        """Remove all holders' checkpoints and what killed uploads left: the stage is done.

        What another holder is sending just now may stay: with the manifest nobody looks for it.
        """
        keys = [info.key for info in self._store.list(f"{self._stage.ref}/")]
        keys = [key for key in keys if _in_checkpoint(key)]
        # The declarations go first: a half-deleted checkpoint must not look complete.
        in_parallel(self._store.delete, [key for key in keys if _declares(key)])
        in_parallel(self._store.delete, [key for key in keys if not _declares(key)])

    def checkpoints(self) -> list[Checkpoint]:
        """The complete checkpoints of all holders, the furthest first.

        Not the newest: their times were told by clocks of several machines.
        """
        home = f"{self._stage.ref}/"
        where = self._store.uri + home
        names = (info.key for info in at_most(LISTED, self._store.list(home), where))
        keys = list(at_most(CHECKPOINTS, filter(_declares, names), where))
        found = in_parallel(lambda key: parse_object(self._store, key, Checkpoint), keys)
        complete = [f[0] for f in found if f is not None]
        return sorted(complete, key=lambda c: (c.step, c.created_at), reverse=True)

    def latest_checkpoint(self) -> Checkpoint | None:
        """The complete checkpoint of any holder that is furthest."""
        return next(iter(self.checkpoints()), None)

    def load_checkpoint(self, checkpoint: Checkpoint, dest: Path) -> None:
        """Download a checkpoint's files, checked, to the directory `dest`.

        Raises:
            CorruptArtifactError: A file is missing or damaged; an older one may still be good.
        """
        home = self._checkpoint_home(checkpoint.holder, checkpoint.step)
        self._store.download(home + "files/", checkpoint.files, dest)


def fetch_artifact(
    store: ArtifactStore,
    manifest: Manifest,
    cache_dir: Path,
    wanted: Callable[[str], bool] = lambda path: True,
) -> Path:
    """A local directory with the artifact's files, every one checked against the manifest.

    A file store's are read in place; S3's are downloaded once and checked again when found.

    Args:
        store: Where it is.
        manifest: The artifact's.
        cache_dir: Where downloads lie.
        wanted: Whether a file is needed, by its path; the others need not be there.

    Raises:
        CorruptArtifactError: A file in the store is missing or damaged; names it.
    """
    prefix = f"{manifest.stage.ref}/{manifest.holder}/files/"
    files = tuple(record for record in manifest.files if wanted(record.path))
    place = store.local_path(prefix)
    if place is not None:

        def check(record: FileRecord) -> None:
            where = f"{store.uri}{prefix}{record.path}"
            check_file(place / record.path, record, where, store.remedy(prefix))

        with disk_errors(place):
            in_parallel(check, files)
        return place

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        store.download(prefix, files, folder)
        return files

    # A digest names the recipe: another store may hold other bytes under the same one.
    content = sha256_of([f.to_json() for f in files])[:12]
    return populate(cache_dir / manifest.stage.ref / content, fill)
