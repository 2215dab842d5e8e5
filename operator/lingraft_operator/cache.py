"""What the watches told last: resources, RayJobs and pods, for all worker threads.

Filled by a listing before anything is decided, kept fresh by events and by the answers to our
own writes, whichever is newer. What an object means is said in `objects.py`.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lingraft.pools import PoolName
from lingraft_operator.bounded import Bounded
from lingraft_operator.objects import holder_of, key_of, pack, rayjob_of, unpack
from lingraft_operator.pods import Head, doubled, gravest, head_of, trouble_of
from lingraft_operator.world import Key, PodTrouble, RayJob, Resource

REMEMBERED = 10_000
"""Holders whose pods' last words are kept after the pods went."""


class _Known(NamedTuple):
    """A LanguageAdaptation, as compressed JSON: there may be thousands."""

    version: int
    uid: str
    packed: bytes


class Cache:
    """The last known state of everything that is watched."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._resources: dict[Key, _Known] = {}
        self._unseen: dict[Key, tuple[int, float]] = {}
        self._phases: dict[Key, str] = {}
        self._rayjobs: dict[Key, tuple[RayJob, float]] = {}
        self._live: dict[PoolName, Counter[str]] = {"small": Counter(), "large": Counter()}
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)
        self._pods: defaultdict[Key, dict[str, PodTrouble | None]] = defaultdict(dict)
        self._heads: defaultdict[Key, dict[str, Head]] = defaultdict(dict)
        self._doubled: dict[Key, PodTrouble] = {}
        self._former_owners = Bounded[Key, tuple[str, ...]](REMEMBERED)
        self._ended = Bounded[Key, PodTrouble](REMEMBERED)
        self._disrupted = Bounded[Key, PodTrouble](REMEMBERED)

    # LanguageAdaptations.

    def put_resource(self, body: Mapping[str, Any], *, answer: bool = False) -> None:
        """Take a resource from an event, or from the answer to a call of ours.

        What an answer tells first, the watch owes us from then on.
        """
        metadata = body["metadata"]
        key, version, uid = key_of(body), int(metadata["resourceVersion"]), metadata["uid"]
        with self._lock:
            known = self._resources.get(key)
            if answer:
                if known is None or known.uid != uid:  # it went meanwhile
                    return
                if version > known.version:
                    self._unseen.setdefault(key, (version, time.monotonic()))
            elif version >= self._unseen.get(key, (0, 0.0))[0]:
                self._unseen.pop(key, None)
            if known is None or version >= known.version:
                self._resources[key] = _Known(version, uid, pack(body))
                status: Mapping[str, Any] = body.get("status") or {}
                self._phases[key] = status.get("phase", "Pending")

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

    def phases(self) -> Mapping[str, int]:
        """How many resources are in each phase."""
        with self._lock:
            return Counter(self._phases.values())

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

    # Pods, by namespace and holder: a label alone would let one tenant speak for another.

    def put_pod(self, body: Mapping[str, Any]) -> bool:
        """Take a pod; returns whether its trouble changed."""
        holder, uid, told = holder_of(body), body["metadata"]["uid"], trouble_of(body)
        with self._lock:
            former, two = self._pods[holder].get(uid), self._doubled.get(holder)
            trouble = told.seen(former, datetime.now(UTC)) if told is not None else None
            self._pods[holder][uid] = trouble
            if (head := head_of(body)) is None:
                self._heads[holder].pop(uid, None)
            else:
                self._heads[holder][uid] = head
            self._count_heads(holder)
            if trouble is not None and trouble.kind in ("resource", "fatal"):
                self._ended[holder] = trouble
            elif trouble is not None and trouble.kind == "disrupted":
                self._disrupted[holder] = trouble
            return former != trouble or two != self._doubled.get(holder)

    def _count_heads(self, holder: Key) -> None:
        former, two = self._doubled.pop(holder, None), doubled(self._heads[holder].values())
        if two is not None:
            self._doubled[holder] = two.seen(former, datetime.now(UTC))

    def drop_pod(self, body: Mapping[str, Any]) -> None:
        """Forget a pod that is gone; what ended it is remembered."""
        self.forget_pod(holder_of(body), body["metadata"]["uid"])

    def forget_pod(self, holder: Key, uid: str) -> None:
        """Forget a pod that is gone, by its uid."""
        with self._lock:
            for known in (self._pods, self._heads):
                known[holder].pop(uid, None)
            self._count_heads(holder)
            for known in (self._pods, self._heads):
                if not known[holder]:
                    del known[holder]

    def pods(self) -> dict[str, Key]:
        """Holders of all pods, by the pods' uids."""
        with self._lock:
            return {uid: holder for holder, pods in self._pods.items() for uid in pods}

    def pods_of(self, holder: Key) -> list[str]:
        """UIDs of a holder's pods."""
        with self._lock:
            return list(self._pods.get(holder, {}))

    def trouble(self, holder: Key) -> PodTrouble | None:
        """The gravest trouble of a holder's pods, of those that are gone what ended them."""
        with self._lock:
            found = [*self._pods.get(holder, {}).values(), self._ended.get(holder)]
            found.append(self._doubled.get(holder))
        return gravest(one for one in found if one is not None and one.kind != "disrupted")

    def disruption(self, holder: Key) -> PodTrouble | None:
        """The last disruption of a holder's pods, those that are gone included."""
        with self._lock:
            return self._disrupted.get(holder)

    def lingers(self, holder: Key) -> bool:
        """Whether a holder still has pods."""
        with self._lock:
            return bool(self._pods.get(holder))


def _may_run(rayjob: RayJob) -> bool:
    return not (rayjob.finished or rayjob.held_back)
