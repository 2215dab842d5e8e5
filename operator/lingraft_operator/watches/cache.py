"""What the watches told last: resources, RayJobs and pods, for all worker threads.

Filled by a listing before anything is decided, kept fresh by events and by the answers to our
own writes, whichever is newer. What an object means is said in `objects.py`; pods are in
`podcache.py`.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from lingraft.pools import PoolName
from lingraft_operator.bounded import Bounded
from lingraft_operator.watches.objects import (
    is_large,
    key_of,
    pack,
    rayjob_of,
    unpack,
)
from lingraft_operator.watches.podcache import REMEMBERED, PodCache
from lingraft_operator.watches.troubles import NOT_WRITTEN, Trouble, troubles_of
from lingraft_operator.world import Key, RayJob, Resource


class _Known(NamedTuple):
    """A LanguageAdaptation, as compressed JSON: there may be thousands."""

    version: int
    uid: str
    packed: bytes
    large: bool


class Cache(PodCache):
    """The last known state of everything that is watched."""

    def __init__(self) -> None:
        super().__init__()
        self._resources: dict[Key, _Known] = {}
        self._unseen: dict[Key, tuple[int, float]] = {}
        self._phases: dict[Key, str] = {}
        self._troubles: dict[Key, tuple[Trouble, ...]] = {}
        self._unwritten: set[Key] = set()
        self._rayjobs: dict[Key, tuple[RayJob, float]] = {}
        self._live: dict[PoolName, Counter[str]] = {"small": Counter(), "large": Counter()}
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)
        self._former_owners = Bounded[Key, tuple[str, ...]](REMEMBERED)

    # LanguageAdaptations.

    def put_resource(
        self, body: Mapping[str, Any], *, answer: bool = False, before: int = 0
    ) -> None:
        """Take a resource from an event, or from the answer to a call of ours.

        Args:
            body: The resource.
            answer: Whether it is an answer: what that tells first, the watch owes us from then on.
            before: The version that was known when it was asked for; an older one is of an etcd
                that was restored.
        """
        metadata = body["metadata"]
        key, version, uid = key_of(body), int(metadata["resourceVersion"]), metadata["uid"]
        with self._lock:
            known = self._resources.get(key)
            back = known is not None and version < known.version == before
            if back:
                self._unseen.pop(key, None)
            elif answer:
                if known is None or known.uid != uid:  # it went meanwhile
                    return
                if version > known.version:
                    self._unseen.setdefault(key, (version, time.monotonic()))
            elif version >= self._unseen.get(key, (0, 0.0))[0]:
                self._unseen.pop(key, None)
            if known is None or version >= known.version or back:
                self._resources[key] = _Known(version, uid, pack(body), is_large(body))
                status: Mapping[str, Any] = body.get("status") or {}
                self._phases[key] = status.get("phase", "Pending")
                self._troubles[key] = troubles_of(status)

    def expect(self, versions: Mapping[Key, int]) -> dict[Key, str]:
        """Note what a listing knows and the watch has yet to tell.

        Returns:
            Those that only one of the two knows, with the uid that is known here, if any: they
            came or went about now, or the watch does not say so.
        """
        with self._lock:
            for key, version in versions.items():
                known = self._resources.get(key)
                if known is None or version > known.version:
                    self._unseen.setdefault(key, (version, time.monotonic()))
            apart = self._resources.keys() ^ versions.keys()
            return {key: self._uid(key) for key in apart}

    def drop_resource(self, key: Key, uid: str) -> bool:
        """Forget a resource that is gone; whether that was the one that is known by its name."""
        with self._lock:
            if self._uid(key) not in (uid, ""):
                return False
            self._resources.pop(key, None)
            self._phases.pop(key, None)
            self._troubles.pop(key, None)
            self._unwritten.discard(key)
            self._unseen.pop(key, None)
            return True

    def _uid(self, key: Key) -> str:
        known = self._resources.get(key)
        return known.uid if known is not None else ""

    def resource(self, key: Key) -> Resource | None:
        """A resource as it was last seen."""
        with self._lock:
            found = self._resources.get(key)
        return unpack(found.packed) if found else None

    def keys(self) -> list[Key]:
        """All resources."""
        with self._lock:
            return list(self._resources)

    def versions(self) -> dict[Key, int]:
        """The version that is known of each resource."""
        with self._lock:
            return {key: known.version for key, known in self._resources.items()}

    def version(self, key: Key) -> int:
        """The version of a resource that is known; 0: none is."""
        with self._lock:
            known = self._resources.get(key)
        return known.version if known is not None else 0

    def is_large(self, key: Key) -> bool:
        """Whether a resource has many stages."""
        with self._lock:
            known = self._resources.get(key)
        return known is not None and known.large

    def phases(self) -> Mapping[str, int]:
        """How many resources are in each phase."""
        with self._lock:
            return Counter(self._phases.values())

    def note_written(self, key: Key, *, written: bool) -> None:
        """Whether the API server took the last status of a resource that was to be written."""
        with self._lock:
            if written or key not in self._resources:
                self._unwritten.discard(key)
            else:
                self._unwritten.add(key)

    def troubles(self) -> Counter[tuple[str, Trouble]]:
        """How many resources of a namespace have a trouble."""
        with self._lock:
            counts = Counter[tuple[str, Trouble]]()
            counts.update((key[0], one) for key, had in self._troubles.items() for one in had)
            counts.update((key[0], NOT_WRITTEN) for key in self._unwritten)
            return counts

    def seconds_unseen(self) -> float:
        """How long the watch has owed us a change that we know of."""
        with self._lock:
            oldest = min((since for _, since in self._unseen.values()), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    # RayJobs.

    def put_rayjob(self, body: Mapping[str, Any]) -> tuple[RayJob | None, RayJob]:
        """Take a RayJob; returns it as it was and as it is."""
        key, rayjob = key_of(body), rayjob_of(body)
        with self._lock:
            before = self._rayjobs.get(key, (None, 0.0))[0]
            # Versions compare over objects too: what the one before was told last may come late.
            if before is not None and int(rayjob.resource_version) < int(before.resource_version):
                return before, before
            same = before is not None and before.uid == rayjob.uid
            if same and before is not None and (before.running or not rayjob.running):
                rayjob = replace(rayjob, running_since=before.running_since)
            self._forget(key)
            self._rayjobs[key] = (rayjob, time.monotonic())
            self._live[rayjob.pool][rayjob.namespace] += _may_run(rayjob)
            for owner in rayjob.owners:
                self._owned[owner["uid"]].add(key)
        return before, rayjob

    def drop_rayjob(self, key: Key, uid: str) -> RayJob | None:
        """Forget a RayJob that is gone, if it is still the one that is known by that name."""
        with self._lock:
            found = self._rayjobs.get(key)
            if found is None or found[0].uid != uid:
                return None
            self._forget(key)
            self._former_owners[key] = tuple(owner["name"] for owner in found[0].owners)
            return found[0]

    def _forget(self, key: Key) -> None:
        found = self._rayjobs.pop(key, None)
        if found is None:
            return
        self._live[found[0].pool][found[0].namespace] -= _may_run(found[0])
        for owner in found[0].owners:
            self._owned[owner["uid"]].discard(key)
            if not self._owned[owner["uid"]]:
                del self._owned[owner["uid"]]

    def rayjob(self, key: Key) -> tuple[RayJob, float] | None:
        """A RayJob, and how many seconds ago it was last confirmed."""
        with self._lock:
            found = self._rayjobs.get(key)
        return (found[0], time.monotonic() - found[1]) if found else None

    def owner_names(self, key: Key) -> tuple[str, ...]:
        """Who owns a RayJob, or owned it when it went."""
        with self._lock:
            found = self._rayjobs.get(key)
            if found is None:
                return self._former_owners.get(key, ())
            return tuple(owner["name"] for owner in found[0].owners)

    def owned(self, uid: str) -> list[RayJob]:
        """The RayJobs that a resource owns."""
        with self._lock:
            return [self._rayjobs[key][0] for key in self._owned.get(uid, ())]

    def rayjobs(self) -> list[RayJob]:
        """All of them."""
        with self._lock:
            return [rayjob for rayjob, _ in self._rayjobs.values()]

    def live(self) -> dict[PoolName, Counter[str]]:
        """RayJobs that may run, by pool and namespace: neither finished nor held back."""
        with self._lock:
            return {pool: +count for pool, count in self._live.items()}


def _may_run(rayjob: RayJob) -> bool:
    return not (rayjob.finished or rayjob.held_back)
