"""One writer at a time: the lease of a stage, and who is certainly dead.

A lease is `<stage>/lease.json`, taken with If-None-Match, renewed and taken over with
If-Match. It expires by the store's clock, whatever those of its holder and of the reader say;
it only saves work: what makes a stage right under two writers is that the manifest is written
if absent.
"""

import hashlib
import os
import re
import socket
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from pydantic import Field

from lingraft.errors import StageBusyError
from lingraft.stage import Contract, Stage
from lingraft.store.base import ArtifactStore, Conflict
from lingraft.store.json_object import parse_object, utc_now, write_object

LEASE_SECONDS = 300
"""How long a lease lives after its last renewal."""


class LeaseRecord(Contract):
    """What stands in `lease.json`."""

    holder: str
    acquired_at: datetime = Field(description="By the holder's clock, for people.")
    renewed_at: datetime = Field(description="By the holder's clock, for people.")
    released: bool = Field(default=False, description="The holder gave it back.")


class Lease:
    """A holder's hold on a stage."""

    def __init__(
        self,
        store: ArtifactStore,
        stage: Stage,
        holder: str,
        *,
        superseded: Collection[str] = (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._ref, self._holder, self._now = store, stage.ref, holder, now
        self._superseded = superseded
        self._key = f"{stage.ref}/lease.json"

    def read(self) -> tuple[LeaseRecord, str] | None:
        """The lease as it stands and its ETag, or None."""
        return parse_object(self._store, self._key, LeaseRecord)

    def seconds_left(self, etag: str) -> float:
        """For how long the lease of this ETag keeps others out.

        Raises:
            Conflict: It is another one by now.
        """
        # A store may tell whole seconds only: one more is certainly over.
        return max(0.0, LEASE_SECONDS + 1 - self._store.age(self._key, if_match=etag))

    def free(self) -> bool:
        """Whether `acquire` would get it now."""
        found = self.read()
        if found is None or self._may_take(found[0]):
            return True
        try:
            return not self.seconds_left(found[1])
        except Conflict:  # renewed, or taken, just now
            return False

    def acquire(self) -> None:
        """Take the lease: a free one, one's own, an expired one, or that of a dead holder.

        Raises:
            StageBusyError: Another holder has it.
        """
        for _ in range(5):
            found, now = self.read(), self._now()
            fresh = LeaseRecord(holder=self._holder, acquired_at=now, renewed_at=now)
            try:
                if found is not None and not self._may_take(found[0]):
                    self._expect_over(*found)
                write_object(
                    self._store,
                    self._key,
                    fresh,
                    if_absent=found is None,
                    if_match=found[1] if found else None,
                )
            except Conflict:  # somebody was faster, or our own answer was lost: look again
                continue
            return
        raise StageBusyError("many want to write this stage at once; try again", where=self._ref)

    def renew(self) -> None:
        """Live another `LEASE_SECONDS`; any process of the holder may do it.

        Raises:
            StageBusyError: The lease is lost: taken over, released or deleted.
        """
        for _ in range(5):
            found = self.read()
            if found is None or found[0].released:
                raise StageBusyError("the lease on this stage was given up", where=self._ref)
            if found[0].holder != self._holder:
                raise _busy(found[0].holder, self._ref)
            # The present value is re-read rather than remembered: heartbeat threads and the
            # holder's other processes renew the same lease.
            fresh = found[0].model_copy(update={"renewed_at": self._now()})
            try:
                write_object(self._store, self._key, fresh, if_match=found[1])
            except Conflict:
                continue
            return

    def release(self) -> None:
        """Give the lease back, if it is still ours."""
        found = self.read()
        if found is None or found[0].holder != self._holder:
            return
        try:
            gone = found[0].model_copy(update={"released": True})
            write_object(self._store, self._key, gone, if_match=found[1])
        except Conflict:  # taken over this moment, or a late heartbeat: it expires by itself
            pass

    def _may_take(self, record: LeaseRecord) -> bool:
        """Whether a lease is free however fresh it is."""
        return (
            record.released
            or record.holder == self._holder
            or record.holder in self._superseded
            or holder_is_dead(record.holder)
        )

    def _expect_over(self, record: LeaseRecord, etag: str) -> None:
        if left := self.seconds_left(etag):
            raise _busy(record.holder, self._ref, f" for {left:.0f} s at least")


def _busy(holder: str, ref: str, how_long: str = "") -> StageBusyError:
    return StageBusyError(
        f"{holder} is writing this stage and holds it{how_long}; wait until it is done, or stop it",
        where=ref,
    )


def local_holder() -> str:
    """The name of this process as a holder: `local-<hostname>-<boot>-<pid>-<starttime>`."""
    host = re.sub(r"[^A-Za-z0-9.]+", "-", socket.gethostname())
    return f"local-{host}-{_boot()}-{os.getpid()}-{_start_time(os.getpid())}"


def is_local(holder: str) -> bool:
    """Whether a holder is a process outside of a cluster."""
    return holder.startswith("local-")


def holder_is_dead(name: str) -> bool:
    """Whether the holder is a process of this machine that has certainly ended.

    False where it cannot be known: another machine or container, before a reboot, a RayJob.
    """
    match = re.fullmatch(r"local-.*-([0-9a-f]{8})-(\d+)-(\d+)", name)
    if match is None or match[1] != _boot():
        return False
    return _start_time(int(match[2])) != match[3]


def _boot() -> str:
    """Eight hex digits for this boot of this machine and this namespace of process numbers."""
    # Two containers on one host share the boot but do not see each other's processes.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        identity = boot + os.readlink("/proc/self/ns/pid")
    except OSError:
        identity = f"{socket.gethostname()} without /proc"
    return hashlib.sha256(identity.encode()).hexdigest()[:8]


def _start_time(pid: int) -> str | None:
    """The kernel's start time of a live process; None if it has ended; 0 without /proc."""
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return "0"
    try:
        # proc(5): the command's name may hold anything, the fields start after its bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else fields[19]
