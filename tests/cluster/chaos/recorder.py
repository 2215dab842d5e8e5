"""What happened in the cluster, in the order in which a watch told it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from lingraft.resource import API_VERSION
from tests.cluster.bed.api import Api, Event, Object

RAYJOB, ADAPTATION, POD = "RayJob", "LanguageAdaptation", "Pod"
PATHS = {
    RAYJOB: "/apis/ray.io/v1/rayjobs",
    ADAPTATION: f"/apis/{API_VERSION}/languageadaptations",
    POD: "/api/v1/pods",
}


@dataclass(frozen=True)
class Change:
    """One thing that a watch told."""

    kind: str
    event: Event

    @property
    def meta(self) -> Object:
        return self.event.object["metadata"]


class Recorder:
    """Remembers every change of RayJobs, LanguageAdaptations and pods, of every namespace.

    It has connections of its own, which no scenario cuts; while the API server is away it
    may miss states that came and went, as any watch does.
    """

    def __init__(self, api: Api) -> None:
        self._changes: list[Change] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        for kind, path in PATHS.items():
            threading.Thread(target=self._follow, args=(api, kind, path), daemon=True).start()

    def _follow(self, api: Api, kind: str, path: str) -> None:
        def on_event(event: Event) -> None:
            with self._lock:
                self._changes.append(Change(kind, event))

        api.follow(path, on_event, self._stop)

    def stop(self) -> None:
        self._stop.set()

    def forget(self) -> None:
        """Drop what is known of other runs; what exists is told by changes only from now on."""
        with self._lock:
            self._changes.clear()

    def changes(self, namespaces: Sequence[str], kind: str = "") -> list[Change]:
        """All so far, of some namespaces; of one kind if asked."""
        with self._lock:
            known = list(self._changes)
        return [
            change
            for change in known
            if kind in ("", change.kind) and change.meta["namespace"] in namespaces
        ]

    def present(self, namespaces: Sequence[str], kind: str) -> list[Object]:
        """The objects that are there, as last told."""
        last: dict[str, Object] = {}
        for change in self.changes(namespaces, kind):
            if change.event.type == "DELETED":
                last.pop(change.meta["uid"], None)
            else:
                last[change.meta["uid"]] = change.event.object
        return list(last.values())


def is_finished(rayjob: Object) -> bool:
    """Whether KubeRay will do nothing more for it."""
    state = rayjob.get("status", {}).get("jobDeploymentStatus")
    return state in ("Complete", "Failed", "ValidationFailed")


def is_failed(rayjob: Object) -> bool:
    """Whether KubeRay gave it up."""
    return is_finished(rayjob) and rayjob["status"]["jobDeploymentStatus"] != "Complete"


def is_running(rayjob: Object) -> bool:
    """Whether its trainer was started and has not ended."""
    return rayjob.get("status", {}).get("jobStatus") == "RUNNING" and not is_finished(rayjob)
