"""As much of an API server as the operator sees: objects, versions, garbage, watches."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lingraft_operator.cluster import Conflict
from lingraft_operator.watches.handlers import PODS, RAYJOBS, RESOURCES
from tests.support.operator.clock import Clock

Body = dict[str, Any]
Ref = tuple[str, str, str]
"""(plural, namespace, name)."""
Backup = tuple[int, dict[Ref, Body]]
"""A version, and the objects that there were."""
LA, RAYJOB, POD = RESOURCES[2], RAYJOBS[2], PODS[2]
KINDS = (LA, RAYJOB, POD)


@dataclass
class Watch:
    """What one client has not been told yet, object by object, in order.

    What happens while a kind's watch is broken is never told: only a new listing helps.
    """

    streams: dict[tuple[str, str], list[tuple[str | None, Body]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[str | None, Body]]]
    )
    broken: set[str] = field(default_factory=set[str])

    def tell(self, kind: str, event: str | None, body: Body) -> None:
        if kind not in self.broken:
            stream = self.streams.setdefault((kind, body["metadata"]["uid"]), [])
            stream.append((event, deepcopy(body)))

    def forget(self, kind: str) -> None:
        """Drop what was not told of a kind: the connection is gone."""
        for key in [key for key in self.streams if key[0] == kind]:
            del self.streams[key]


class ApiServer:
    """Objects by kind, namespace and name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.objects: dict[Ref, Body] = {}
        self.watches: list[Watch] = []
        self._version, self.last_uid = 100, 0

    @property
    def version(self) -> int:
        """Moves with every change."""
        return self._version

    def all(self, kind: str) -> list[Body]:
        return [body for ref, body in self.objects.items() if ref[0] == kind]

    def find(self, kind: str, namespace: str, name: str) -> Body | None:
        return self.objects.get((kind, namespace, name))

    def uids(self, kind: str) -> set[str]:
        return {body["metadata"]["uid"] for body in self.all(kind)}

    def create(self, kind: str, body: Mapping[str, Any]) -> Body:
        """Store a new object.

        Raises:
            Conflict: There is one of that name.
        """
        made = deepcopy(dict(body))
        metadata = made["metadata"]
        ref = (kind, metadata["namespace"], metadata["name"])
        if ref in self.objects:
            raise Conflict(f"{ref} already exists")
        self.last_uid += 1
        metadata["uid"] = f"{kind[:2]}-{self.last_uid}"
        metadata["creationTimestamp"] = _stamp(self.clock)
        metadata["generation"] = 1
        self.objects[ref] = made
        return self._changed(ref, "ADDED")

    def update(self, ref: Ref, change: Callable[[Body], None]) -> Body:
        """Change an object; one that waits for its last finalizer may go.

        Raises:
            Conflict: There is none.
        """
        if ref not in self.objects:
            raise Conflict(f"{ref} not found")
        body = self.objects[ref]
        before = deepcopy(body)
        change(body)
        if body.get("spec") != before.get("spec"):
            body["metadata"]["generation"] += 1
        if body == before:
            return deepcopy(body)
        if body["metadata"].get("deletionTimestamp") and not body["metadata"].get("finalizers"):
            self._remove(ref)
            return deepcopy(body)
        return self._changed(ref, "MODIFIED")

    def patch(self, ref: Ref, version: str, change: Callable[[Body], None]) -> Body:
        """Change an object only as it was seen.

        Raises:
            Conflict: It changed, or went.
        """
        self._expect(ref, version)
        return self.update(ref, change)

    def delete(self, ref: Ref, uid: str | None = None, version: str | None = None) -> None:
        """Delete an object, now or after its finalizers.

        Raises:
            Conflict: It is not the one that was seen.
        """
        known = self.objects.get(ref)
        if uid is not None and known is not None and known["metadata"]["uid"] != uid:
            raise Conflict(f"{ref} has another uid")
        self._expect(ref, version)
        metadata = self.objects[ref]["metadata"]
        if not metadata.get("finalizers"):
            self._remove(ref)
        elif not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = _stamp(self.clock)
            self._changed(ref, "MODIFIED")

    def collect_garbage(self) -> bool:
        """What Kubernetes' garbage collector does to RayJobs; whether there was anything."""
        alive = {
            body["metadata"]["uid"]
            for body in self.all(LA)
            if not body["metadata"].get("deletionTimestamp")
        }
        worked = False
        for ref in [ref for ref in self.objects if ref[0] == RAYJOB]:
            body = self.objects[ref]
            owners = body["metadata"].get("ownerReferences") or []
            solid = [owner for owner in owners if owner["uid"] in alive]
            if not owners or len(solid) == len(owners) or body["metadata"].get("deletionTimestamp"):
                continue
            worked = True
            if solid:
                self.update(ref, lambda b, s=solid: b["metadata"].update(ownerReferences=s))
            else:
                self.delete(ref)
        for ref in [ref for ref in self.objects if ref[0] == LA]:
            metadata = self.objects[ref]["metadata"]
            if metadata.get("deletionTimestamp") and not any(
                owner["uid"] == metadata["uid"]
                for body in self.all(RAYJOB)
                for owner in body["metadata"].get("ownerReferences") or []
            ):
                self._remove(ref)
                worked = True
        return worked

    def backup(self) -> Backup:
        """All of etcd, as it is now."""
        return self._version, deepcopy(self.objects)

    def restore(self, saved: Backup) -> None:
        """Bring it back: versions go on from then, and clients list what there is."""
        self._version, self.objects = saved[0], deepcopy(saved[1])
        for watch in self.watches:
            watch.streams.clear()
            for ref, body in self.objects.items():
                watch.tell(ref[0], None, body)

    def _expect(self, ref: Ref, version: str | None) -> None:
        found = self.objects.get(ref)
        if found is None:
            raise Conflict(f"{ref} not found")
        if version is not None and found["metadata"]["resourceVersion"] != version:
            raise Conflict(f"{ref} changed")

    def _changed(self, ref: Ref, event: str) -> Body:
        self._version += 1
        body = self.objects[ref]
        body["metadata"]["resourceVersion"] = str(self._version)
        for watch in self.watches:
            watch.tell(ref[0], event, body)
        return deepcopy(body)

    def _remove(self, ref: Ref) -> None:
        body = self.objects.pop(ref)
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        for watch in self.watches:
            watch.tell(ref[0], "DELETED", body)


def _stamp(clock: Clock) -> str:
    return clock.now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
