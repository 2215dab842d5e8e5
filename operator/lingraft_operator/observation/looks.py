"""What was last read of each stage, and for how long that is taken for granted.

A stage's manifest and lease change when somebody works on it. Where it is ours, its RayJob or its
heartbeat tells; where it is others', their lease does, and whatever is about to be started is read
at that moment. So what is read in a pass over hundreds of stages is what may have changed.
"""

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lingraft.stage import Failure, Manifest, Progress
from lingraft.store.lease import LeaseRecord
from lingraft_operator.bounded import Bounded
from lingraft_operator.world import RayJob

KEPT = 10_000
"""Stages, of all resources: eight with 600 stages, and as many others."""
DONE_SECONDS = 300.0
"""How long a manifest is taken for granted at most: somebody may clean the store."""
WHOLE_SECONDS = 90.0
"""How long a trainer's heartbeat alone tells how its stage is: others may do it meanwhile."""
IDLE_SECONDS = 270.0
"""How long nobody is expected to work on a stage on which nobody did; what waits for a slot looks
again after 300 s."""

Place = tuple[str, str, str]
"""Namespace, store's URI, `<kind>/<digest>`."""
State = tuple[object, ...]


@dataclass(frozen=True)
class Look:
    """What was read of a stage."""

    at: float
    """Monotonic seconds, before the first request."""
    whole_at: float
    """The same of the last look that read all."""
    state: State
    """What was known of its RayJob and its last attempt then."""
    manifest: Manifest | None = None
    lease: LeaseRecord | None = None
    held_until: datetime | None = None
    progress: Progress | None = None
    holder: str = ""
    """Whose progress that is."""
    failures: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    checkpoints: Mapping[str, int] = field(default_factory=dict[str, int])


def state_of(rayjob: RayJob | None, unjudged: str | None) -> State:
    """What tells that something has become of a stage that is ours."""
    if rayjob is None:
        return (unjudged,)
    job = (rayjob.uid, rayjob.deployment_status, rayjob.job_status)
    return (unjudged, *job, rayjob.suspended, rayjob.deleting)


def stands(
    look: Look, state: State, ref: str, rayjob: RayJob | None, now: float, poll: float
) -> bool:
    """Whether a look may be taken for what is there now.

    Args:
        look: The last one.
        state: What is known now of the stage's RayJob and last attempt.
        ref: `<kind>/<digest>`.
        rayjob: The one of that name.
        now: Monotonic seconds.
        poll: How often the store is asked how a running stage does.
    """
    same = look.state == state or look.manifest is not None
    return same and now - look.at < _lasts(look, ref, rayjob, poll)


def _lasts(look: Look, ref: str, rayjob: RayJob | None, poll: float) -> float:
    """For how many seconds a look stands, while the state stays."""
    if look.manifest is not None:
        # Not all of a plan's at once: those that were found at a start go on apart.
        return DONE_SECONDS * (1 + zlib.crc32(ref.encode()) % 256 / 256) / 2
    if rayjob is not None and not rayjob.finished:
        return poll / 3 if rayjob.running else poll * 0.9
    return poll * 0.9 if look.lease is not None and not look.lease.released else IDLE_SECONDS


class Looks:
    """The last look at each stage, for all worker threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks = Bounded[Place, Look](KEPT)

    def last(self, place: Place) -> Look | None:
        """The last one, however old."""
        with self._lock:
            return self._looks.get(place)

    def keep(self, place: Place, look: Look) -> None:
        """Remember one."""
        with self._lock:
            self._looks[place] = look

    def forget(self, place: Place) -> None:
        """What it said is known to be wrong."""
        with self._lock:
            self._looks.pop(place, None)
