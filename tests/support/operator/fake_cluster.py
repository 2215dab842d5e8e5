"""The operator's calls to the API server, with what may go wrong in between."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lingraft_operator.cluster import Conflict, Refused, Unavailable
from lingraft_operator.watches.objects import is_going, key_of
from lingraft_operator.world import Key, RayJob, Resource
from tests.support.operator.api_server import LA, POD, RAYJOB, Body
from tests.support.operator.kuberay import spec_of

if TYPE_CHECKING:
    from tests.support.operator.copy import OperatorCopy
    from tests.support.operator.surroundings import Surroundings


class Crash(BaseException):
    """The operator is killed just here."""


FAULTS = ("conflict", "unavailable", "answer lost", "killed before", "killed after")
"""What may happen to the next write of a copy."""


class FakeCluster:
    """`lingraft_operator.cluster.Cluster` on the simulated API server."""

    def __init__(self, simulation: "Surroundings", copy: "OperatorCopy") -> None:
        self.simulation, self.copy, self.api = simulation, copy, simulation.api

    def _before(self) -> str:
        self.simulation.moment()
        fault = self.copy.faults.pop(0) if self.copy.faults else ""
        if fault == "conflict":
            raise Conflict("somebody else was faster")
        if fault == "unavailable":
            raise Unavailable("503 try again")
        if fault == "killed before":
            raise Crash
        return fault

    def _after(self, fault: str) -> None:
        if fault:
            self.simulation.checks.one_at_a_time = False
        if fault == "answer lost":
            raise Unavailable("504 gateway timeout")
        if fault == "killed after":
            raise Crash

    def list_all(
        self, kind: tuple[str, str, str], namespaces: Sequence[str], selector: str = ""
    ) -> list[Body]:
        return deepcopy(self.api.all(kind[2]))

    def resource_versions(self, namespaces: Sequence[str]) -> dict[Key, int]:
        found = [body for body in self.api.all(LA) if not is_going(body)]
        return {key_of(body): int(body["metadata"]["resourceVersion"]) for body in found}

    def pod_uids(self, namespaces: Sequence[str]) -> set[str]:
        return self.api.uids(POD)

    def write_status(self, resource: Resource, status: Mapping[str, Any]) -> Body:
        fault = self._before()
        ref = (LA, resource.namespace, resource.name)

        def change(body: Body) -> None:
            self.simulation.checks.status(body, status)
            body["status"] = deepcopy(dict(status))

        answer = self.api.patch(ref, resource.resource_version, change)
        self._after(fault)
        return answer

    def create_rayjob(self, body: Mapping[str, Any]) -> Body:
        fault = self._before()
        if self.simulation.old_kuberay:
            words = 'strict decoding error: unknown field "spec.rayClusterSpec.authOptions"'
            raise Refused(words, invalid=True)
        invalid = self.simulation.refused.get(spec_of(dict(body)).stage.kind)
        if invalid is not None:
            raise Refused("an admission webhook said no", invalid=invalid)
        answer = self.api.create(RAYJOB, body)
        self.simulation.checks.launch(self.copy, answer)
        self._after(fault)
        return answer

    def lease(self, namespace: str) -> Body | None:
        return deepcopy(self.simulation.leases.get(namespace))

    def put_lease(self, namespace: str, body: Mapping[str, Any]) -> Body:
        known = self.simulation.leases.get(namespace)
        seen = body["metadata"].get("resourceVersion")
        if seen != (known["metadata"]["resourceVersion"] if known else None):
            raise Conflict("somebody else was faster")
        written = deepcopy(dict(body))
        written["metadata"]["resourceVersion"] = str(int(seen or 0) + 1)
        self.simulation.leases[namespace] = written
        return deepcopy(written)

    def events_of(self, namespace: str, uid: str) -> list[Body]:
        return deepcopy(self.simulation.events.get(uid, []))

    def get_resource(self, key: Key) -> Body | None:
        self.simulation.moment()
        found = self.api.find(LA, *key)
        return deepcopy(found) if found is not None else None

    def get_rayjob(self, key: Key) -> Body | None:
        self.simulation.moment()
        found = self.api.find(RAYJOB, *key)
        return deepcopy(found) if found is not None else None

    def set_owners(self, rayjob: RayJob, owners: list[Mapping[str, Any]]) -> Body:
        fault = self._before()
        ref = (RAYJOB, rayjob.namespace, rayjob.name)

        def change(body: Body) -> None:
            self.simulation.checks.owners(self.copy, body, owners)
            body["metadata"]["ownerReferences"] = [dict(owner) for owner in owners]

        answer = self.api.patch(ref, rayjob.resource_version, change)
        self._after(fault)
        return answer

    def delete_rayjob(self, rayjob: RayJob) -> None:
        fault = self._before()
        ref = (RAYJOB, rayjob.namespace, rayjob.name)
        found = self.api.objects.get(ref)
        if found is not None and found["metadata"]["resourceVersion"] == rayjob.resource_version:
            self.simulation.checks.delete(self.copy, found)
        self.api.delete(ref, rayjob.uid, rayjob.resource_version)
        self._after(fault)
