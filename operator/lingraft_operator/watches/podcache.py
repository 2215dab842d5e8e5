"""What the watch of pods told last: the half of `cache.py` that knows holders."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lingraft_operator.bounded import Bounded
from lingraft_operator.observation.pods import Head, doubled, gravest, head_of, trouble_of
from lingraft_operator.watches.objects import holder_of
from lingraft_operator.world import Key, PodTrouble

REMEMBERED = 10_000
"""Holders whose pods' last words are kept after the pods went."""


class PodCache:
    """Pods by namespace and holder: a label alone would let one tenant speak for another."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._pods: defaultdict[Key, dict[str, PodTrouble | None]] = defaultdict(dict)
        self._heads: defaultdict[Key, dict[str, Head]] = defaultdict(dict)
        self._doubled: dict[Key, PodTrouble] = {}
        self._ended = Bounded[Key, PodTrouble](REMEMBERED)
        self._disrupted = Bounded[Key, PodTrouble](REMEMBERED)

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
