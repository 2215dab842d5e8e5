"""What users do in the simulated world."""

from collections.abc import Mapping
from typing import Any

from lingraft.resource import API_VERSION, KIND
from lingraft.status import LanguageAdaptationStatus
from lingraft.status.reading import read_status
from lingraft_operator.world import Key
from tests.support.operator.api_server import LA, Body
from tests.support.operator.surroundings import Surroundings


class Users(Surroundings):
    """Who creates, edits and removes resources."""

    def create(self, namespace: str, name: str, spec: Mapping[str, Any]) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"namespace": namespace, "name": name, "annotations": {}},
            "spec": dict(spec),
        }
        self.api.create(LA, body)

    def edit(self, key: Key, **fields: Any) -> None:
        self.api.update((LA, *key), lambda body: body.update(spec={**body["spec"], **fields}))

    def annotate(self, key: Key, annotation: str, value: str) -> None:
        def change(body: Body) -> None:
            notes = body["metadata"]["annotations"]
            body["metadata"]["annotations"] = {**notes, annotation: value}

        self.api.update((LA, *key), change)

    def remove(self, key: Key, *, foreground: bool = False) -> None:
        """Delete a resource; in the foreground it waits for what it owns."""
        if foreground:
            finalizers = ["foregroundDeletion"]
            self.api.update((LA, *key), lambda b: b["metadata"].update(finalizers=finalizers))
        self.api.delete((LA, *key))

    def resources(self) -> dict[Key, Body]:
        found = {
            (body["metadata"]["namespace"], body["metadata"]["name"]): body
            for body in self.api.all(LA)
            if not body["metadata"].get("deletionTimestamp")
        }
        return dict(sorted(found.items()))

    def status(self, key: Key) -> LanguageAdaptationStatus:
        return read_status(self.resources()[key].get("status") or {})
