"""A stand-in for KubeRay itself: stages finish at once. For scale, and for states by hand.

It watches RayJobs, publishes the manifest that the RayJob's stage asks for (made up by
`results.py`) and says that the job succeeded. There are no RayClusters and no pods.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from lingraft.errors import LingraftError
from lingraft.stage import StageSpec
from lingraft.store.stages import StageStore
from tests.cluster.bed.api import Api, ApiError, Event, Object
from tests.cluster.bed.behaviours import Behaviour
from tests.cluster.bed.instant import environment, run, shared_store
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.pods import now
from tests.cluster.bed.results import result_of

RAYJOBS = "/apis/ray.io/v1/rayjobs"
STAGE = "LINGRAFT_STAGE"
TERMINAL = ("Complete", "Failed", "ValidationFailed")
THREADS = 8

Behave = Callable[[StageSpec], Behaviour | None]


class FakeKubeRay:
    """Watches RayJobs from `start` to `stop`.

    Attributes:
        ignores: RayJobs that are left alone, for a test to write their status itself.
        behave: How a stage goes; None (the default) is the fastest: one write to the store,
            without lease and heartbeat.
        running: Whether RUNNING is reported before the end, which costs a second write.
    """

    def __init__(self, api: Api) -> None:
        """Work as this user; the store is reached with this process's AWS environment."""
        self._api = api
        self.ignores: Callable[[Object], bool] = lambda rayjob: False
        self.behave: Behave = lambda spec: None
        self.running = True
        self._begun: set[str] = set()  # by uid and attempt
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fake-kuberay")

    def start(self) -> None:
        target = lambda: self._api.follow(RAYJOBS, self._on_event, self._stop)  # noqa: E731
        threading.Thread(target=target, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def say(self, rayjob: Object, **status: Any) -> None:
        """Write fields of a RayJob's status; none there any more is no error."""
        meta = rayjob["metadata"]
        path = rayjob_path(meta["namespace"], meta["name"])
        body = {"metadata": {"uid": meta["uid"]}, "status": status}
        try:
            self._api.merge(f"{path}/status", body)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _on_event(self, event: Event) -> None:
        rayjob, uid = event.object, event.object["metadata"]["uid"]
        deployment = rayjob.get("status", {}).get("jobDeploymentStatus", "")
        suspended = rayjob["spec"].get("suspend", False)
        with self._lock:
            if event.type == "DELETED":
                self._begun.discard(uid)
                return
            if self.ignores(rayjob) or "deletionTimestamp" in rayjob["metadata"]:
                return
            if suspended and deployment not in (*TERMINAL, "Suspended"):
                self._begun.discard(uid)
                work = self._suspend
            elif suspended or uid in self._begun or deployment in TERMINAL:
                return
            else:
                self._begun.add(uid)
                work = self._run
        self._pool.submit(self._insist, work, rayjob)

    def _insist(self, work: Callable[[Object], None], rayjob: Object) -> None:
        while not self._stop.is_set():
            try:
                work(rayjob)
                return
            except (ApiError, urllib3.exceptions.HTTPError, OSError):
                self._stop.wait(0.5)  # the API server is away

    def _suspend(self, rayjob: Object) -> None:
        self.say(rayjob, jobStatus="", jobDeploymentStatus="Suspended", jobId="")

    def _run(self, rayjob: Object) -> None:
        name = rayjob["metadata"]["name"]
        started = now()
        common = {"jobId": name, "rayClusterName": name, "startTime": started}
        if self.running:
            self.say(rayjob, jobStatus="RUNNING", jobDeploymentStatus="Running", **common)
        try:
            self._compute(StageSpec.model_validate_json(_stage_of(rayjob)))
        except (LingraftError, ValueError) as error:
            verdict = {"jobStatus": "FAILED", "jobDeploymentStatus": "Failed", "failed": 1}
            verdict |= {"reason": "AppFailed", "message": f"exit code 1: {error}"}
        else:
            verdict = {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete", "succeeded": 1}
        self.say(rayjob, **common | verdict | {"endTime": now()})

    def _compute(self, spec: StageSpec) -> None:
        store, behaviour = shared_store(spec.store), self.behave(spec)
        if behaviour is None:
            StageStore(store, spec.stage, spec.holder).publish(
                (), result_of(spec.stage), environment()
            )
        else:
            run(spec, behaviour, self._stop, store)


def _stage_of(rayjob: Object) -> str:
    head = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    for variable in head["containers"][0].get("env", []):
        if variable["name"] == STAGE:
            return variable["value"]
    raise ValueError(f"the head container has no variable {STAGE}")
