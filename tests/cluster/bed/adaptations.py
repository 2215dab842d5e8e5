"""LanguageAdaptations of the tests: made, edited and looked at through the API server."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingraft.resource import API_VERSION, KIND
from lingraft.store import open_store
from tests.cluster.bed.api import Api, Object
from tests.cluster.bed.processes import Process, wait_until
from tests.support.tiny import reading_base
from tests.support.world import write_world

SECRET = "s3-credentials"


class Adaptations:
    """The LanguageAdaptations of one namespace."""

    def __init__(self, api: Api, namespace: str, texts: str, store: str) -> None:
        """Remember where things are.

        Args:
            api: A client that may do everything.
            namespace: Theirs.
            texts: URI of what `upload_world` wrote.
            store: URI of the artifact store.
        """
        self.api, self.namespace, self.texts, self.store = api, namespace, texts, store

    def path(self, name: str = "") -> str:
        """Of one of them, or of all."""
        base = f"/apis/{API_VERSION}/namespaces/{self.namespace}/languageadaptations"
        return f"{base}/{name}" if name else base

    def body(self, name: str, method: str = "Standard", **spec: Any) -> Object:
        """One of a small base and one task, that takes seconds; `spec` replaces its fields."""
        texts = self.texts
        training = {"steps": 4, "batchTokens": 128, "sequenceLength": 32}
        mini: Object = {} if method == "Standard" else {"layers": 2}
        if method == "MiniPost":
            mini |= training | {"newLayers": 1, "text": {"uri": f"{texts}text/en.txt"}}
        made = {
            "language": "fr",
            "base": {"uri": f"{texts}base/"},
            "method": method,
            "mini": mini,
            "corpus": {"uri": f"{texts}text/fr.txt"},
            "tokenizer": {"train": {"vocabSize": 80}},
            "embeddings": training,
            "tasks": [self.task("topic")],
            "store": {"uri": self.store, "credentialsSecret": SECRET},
            "retry": {"backoffSeconds": 1},
        }
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": made | spec,
        }

    def task(self, name: str, **fields: Any) -> Object:
        """A task of that name."""
        task = {
            "name": name,
            "format": "classification",
            "train": f"{self.texts}text/en-train.jsonl",
            "test": f"{self.texts}text/fr-test.jsonl",
            "epochs": 1,
            "maxLength": 32,
        }
        return task | fields

    def upload_corpus(self, more: str = "") -> str:
        """Put a corpus of this namespace's own; its URI."""
        texts = open_store(self.texts)
        found = texts.get("text/fr.txt")
        assert found is not None
        key = f"text/of-{self.namespace}.txt"
        texts.put(key, found[0] + more.encode())
        return f"{self.texts}{key}"

    def create(self, name: str, method: str = "Standard", **spec: Any) -> Object:
        """Create one."""
        return self.api.create(self.path(), self.body(name, method, **spec))

    def edit(self, name: str, **spec: Any) -> Object:
        """Change fields of its spec."""
        return self._patch(name, {"spec": spec})

    def annotate(self, name: str, **notes: str) -> Object:
        """Set annotations of lingraft.dev/."""
        values = {f"lingraft.dev/{key}": value for key, value in notes.items()}
        return self._patch(name, {"metadata": {"annotations": values}})

    def _patch(self, name: str, body: Object) -> Object:
        content_type = "application/merge-patch+json"
        return self.api.request("PATCH", self.path(name), body, content_type=content_type)

    def get(self, name: str) -> Object:
        """One as it is now."""
        return self.api.get(self.path(name))

    def delete(self, name: str) -> None:
        """Delete one."""
        self.api.delete(self.path(name))

    def delete_all(self) -> None:
        """Delete them all; what they own goes with them."""
        for one in self.api.list(self.path()):
            self.delete(one["metadata"]["name"])

    def stage(self, name: str, stage: str) -> Object:
        """One stage of a resource's status; empty while there is none."""
        stages = self.get(name).get("status", {}).get("stages", [])
        return next((one for one in stages if one["name"] == stage), {})

    def wait_for_stage(
        self, name: str, stage: str, state: str = "Running", seconds: float = 120.0
    ) -> Object:
        """Wait until a stage is in a state; the stage then."""
        what = f"{name}: {stage} is {state}"
        wait_until(lambda: self.stage(name, stage).get("state") == state, what, seconds=seconds)
        return self.stage(name, stage)

    def wait(
        self, name: str, condition: str = "Ready", *watched: Process, seconds: float = 120.0
    ) -> Object:
        """Wait until a condition is True for the present generation; the object then."""
        last: Object = {}

        def reached() -> bool:
            nonlocal last
            last = self.get(name)
            conditions = conditions_of(last)
            found = conditions.get(condition, {})
            generation = last["metadata"]["generation"]
            stalled = conditions.get("Stalled", {})
            asked = last["metadata"].get("annotations", {}).get("lingraft.dev/retry", "")
            judged = last.get("status", {}).get("retry", "") == asked
            heals = last.get("status", {}).get("heals", False)  # then it goes on by itself
            final = judged and not heals and stalled.get("observedGeneration") == generation
            if condition == "Ready" and final:
                raise RuntimeError(f"{name} is Stalled")
            return found.get("status") == "True" and found["observedGeneration"] == generation

        try:
            wait_until(reached, f"{name} is {condition}", *watched, seconds=seconds)
        except RuntimeError as error:
            status = {k: v for k, v in last.get("status", {}).items() if k != "plan"}
            raise RuntimeError(f"{error}\n--- {name}\n{status}") from error
        return last


def conditions_of(body: Object) -> dict[str, Object]:
    """Its conditions by type."""
    return {one["type"]: one for one in body.get("status", {}).get("conditions", [])}


def write_secret(api: Api, namespace: str, environment: Mapping[str, str]) -> None:
    """Make the store's credentials, as a tenant does."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    data = {key: base64.b64encode(environment[key].encode()).decode() for key in keys}
    body = {"metadata": {"name": SECRET}, "data": data}
    api.create(f"/api/v1/namespaces/{namespace}/secrets", body)


def upload_world(folder: Path, uri: str) -> str:
    """Put texts, tasks and a small base below a URI of S3; returns it."""
    text = write_world(folder / "world" / "text")
    reading_base("bert", text / "en.txt", folder / "world" / "base")
    open_store(uri).upload(folder / "world", "")
    return uri
