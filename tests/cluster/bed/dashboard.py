"""The stand-in for every Ray dashboard: an HTTP proxy that runs submitted jobs here.

KubeRay reaches a cluster's dashboard at `http://<head service>.<namespace>.svc...:8265`; told
to use this proxy it asks for the same addresses here. A job gets the environment of its
head pod's container, and ends when that pod does.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import urllib3

from tests.cluster.bed import instant
from tests.cluster.bed.api import Api, ApiError, Event, Object
from tests.cluster.bed.environment import container_environment
from tests.cluster.bed.faults import Faults
from tests.cluster.bed.jobs import Job, ProcessWork, ThreadWork, Work
from tests.cluster.bed.proxy import Proxy
from tests.support.stages import import_path

HEADS = "ray.io/node-type=head"
TRAINER = "-m lingraft_trainer"
Trainer = Literal["real", "instant", "inline"]


class Dashboard:
    """The running proxy.

    Attributes:
        url: What HTTP_PROXY must be.
        trainer: What `python -m lingraft_trainer` in an entrypoint stands for: itself, the
            instant trainer as a process, or the instant trainer in a thread of this process.
        faults: What goes wrong on demand.
        folder: A folder for every job, with its job.log.
        submissions: (namespace, RayJob, submission id) of every POST that was accepted.
    """

    def __init__(self, api: Api, defaults: dict[str, str] | None = None) -> None:
        """Listen on a free port of loopback; `start` it.

        Args:
            api: Reads pods, Services, Secrets and ConfigMaps.
            defaults: Variables that a job has where its container does not say otherwise.
        """
        self._api, self._defaults = api, defaults or {}
        self.trainer: Trainer = "real"
        self.faults = Faults()
        self.folder = Path(tempfile.mkdtemp(prefix="lingraft-jobs-"))
        self.submissions: list[tuple[str, str, str]] = []
        self._heads: dict[str, Object] = {}  # by uid
        self._jobs: dict[str, dict[str, Job]] = {}  # by incarnation of the head, by id
        self._rayjobs: dict[tuple[str, str], str] = {}  # by namespace and RayCluster
        self._forgotten: list[Job] = []
        self._lost_nodes: set[str] = set()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._proxy = Proxy(self.answer)
        self.url = self._proxy.url

    def start(self) -> None:
        follow = self._api.follow
        for target in (
            lambda: follow("/api/v1/pods", self._on_head, self._stop, labelSelector=HEADS),
            self._proxy.serve_forever,
        ):
            threading.Thread(target=target, daemon=True).start()

    def stop(self) -> None:
        """Kill every job and stop listening; the jobs' folders go."""
        self._stop.set()
        self._proxy.shutdown()
        self._proxy.server_close()
        with self._lock:
            for job in [
                *self._forgotten,
                *(j for jobs in self._jobs.values() for j in jobs.values()),
            ]:
                job.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def jobs(self, namespace: str, rayjob: str) -> list[Job]:
        """The jobs of a RayJob on heads that are there now."""
        with self._lock:
            return [
                job
                for head in self._heads.values()
                if head["metadata"]["namespace"] == namespace and self._rayjob(head) == rayjob
                for job in self._jobs.get(_incarnation(head), {}).values()
            ]

    def kill(self, namespace: str, rayjob: str) -> None:
        """SIGKILL the processes of a RayJob's jobs: they end FAILED."""
        for job in self.jobs(namespace, rayjob):
            job.kill()

    def forget(self, namespace: str, rayjob: str) -> None:
        """Know nothing of a RayJob's jobs, which go on: KubeRay submits them a second time."""
        with self._lock:
            for head in self._heads.values():
                if head["metadata"]["namespace"] == namespace and self._rayjob(head) == rayjob:
                    self._forgotten += self._jobs.pop(_incarnation(head), {}).values()

    def knows(self, uid: str) -> bool:
        """Whether a head pod is there, as far as the dashboard has seen."""
        with self._lock:
            return uid in self._heads

    def lost_nodes(self) -> set[str]:
        with self._lock:
            return set(self._lost_nodes)

    def lose_node(self, name: str) -> None:
        """What ran on this node is dead, and nobody can reach it."""
        with self._lock:
            self._lost_nodes.add(name)
            for head in self._heads.values():
                if head["spec"].get("nodeName") == name:
                    self._end(_incarnation(head))

    def return_node(self, name: str) -> None:
        with self._lock:
            self._lost_nodes.discard(name)

    def _on_head(self, event: Event) -> None:
        head, uid = event.object, event.object["metadata"]["uid"]
        with self._lock:
            before = self._heads.pop(uid, None)
            gone = event.type == "DELETED" or head["status"].get("phase") in ("Failed", "Succeeded")
            if not gone:
                self._heads[uid] = head
            if before is not None and (gone or _incarnation(before) != _incarnation(head)):
                self._end(_incarnation(before))

    def _end(self, incarnation: str) -> None:
        for job in self._jobs.pop(incarnation, {}).values():
            job.kill()

    def answer(self, method: str, url: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """(HTTP status, JSON or text) of one request."""
        time.sleep(self.faults.delay)
        address = urlsplit(url)
        service, namespace = (address.hostname or "").split(".")[:2]
        head = self._head(namespace, service)
        if head is None:
            return 503, f"no head pod is ready behind {service}.{namespace}"
        if fault := self.faults.answer(method, namespace, self._rayjob(head)):
            return fault
        environment = container_environment(head, lambda p, n: self._object(namespace, p, n))
        if environment.get("RAY_AUTH_MODE") == "token":
            token = environment.get("RAY_AUTH_TOKEN", "")
            if headers.get("X-Ray-Authorization") != f"Bearer {token}":
                return 401, "Unauthorized: Missing or wrong authentication token"
        parts = address.path.strip("/").split("/")[2:]  # after api/jobs
        with self._lock:
            jobs = self._jobs.setdefault(_incarnation(head), {})
            if method == "POST" and not parts:
                return self._submit(jobs, head, environment, json.loads(body))
            job = jobs.get(parts[0]) if parts else None
            if job is None:
                return 404, f"Job {'/'.join(parts)} does not exist"
            if method == "POST" and parts[1:] == ["stop"]:
                return 200, {"stopped": job.stop()}
            return 200, job.to_json()

    def _head(self, namespace: str, service: str) -> Object | None:
        try:
            found = self._api.get(f"/api/v1/namespaces/{namespace}/services/{service}")
        except ApiError:
            return None
        selector = found["spec"]["selector"].items()
        with self._lock:
            for head in self._heads.values():
                meta = head["metadata"]
                if (
                    meta["namespace"] == namespace
                    and selector <= meta["labels"].items()
                    and "deletionTimestamp" not in meta
                    and head["status"].get("phase") == "Running"
                    and head["spec"].get("nodeName") not in self._lost_nodes
                ):
                    return head
        return None

    def _rayjob(self, head: Object) -> str:
        """The RayJob whose RayCluster the head belongs to."""
        meta = head["metadata"]
        key = (meta["namespace"], meta["labels"]["ray.io/cluster"])
        if key not in self._rayjobs:
            path = f"/apis/ray.io/v1/namespaces/{key[0]}/rayclusters/{key[1]}"
            labels = (self._api.find(path) or {"metadata": {}})["metadata"].get("labels", {})
            self._rayjobs[key] = labels.get("ray.io/originated-from-cr-name", "")
        return self._rayjobs[key]

    def _object(self, namespace: str, plural: str, name: str) -> Object | None:
        return self._api.find(f"/api/v1/namespaces/{namespace}/{plural}/{name}")

    def _submit(
        self, jobs: dict[str, Job], head: Object, environment: dict[str, str], request: Any
    ) -> tuple[int, Any]:
        number = request["submission_id"]
        if number in jobs:
            message = f"Job with submission_id {number} already exists. "
            return 500, message + "Please use a different submission_id."
        namespace, rayjob = head["metadata"]["namespace"], self._rayjob(head)
        variables = (request.get("runtime_env") or {}).get("env_vars") or {}
        copies = 2 if self.faults.take("duplicate", namespace, rayjob) else 1
        works = [
            self._work(head, request["entrypoint"], environment | variables) for _ in range(copies)
        ]
        job = jobs[number] = Job(number, request["entrypoint"], works)
        if lie := self.faults.take("lie", namespace, rayjob):
            job.lie = lie.message
        self.submissions.append((namespace, rayjob, number))
        return 200, {"job_id": number, "submission_id": number}

    def _work(self, head: Object, entrypoint: str, environment: dict[str, str]) -> Work:
        whole = {"LINGRAFT_CACHE": str(self.folder / "cache")} | self._defaults | environment
        # The Ray cluster of this head is not there: whoever needs Ray starts one here.
        for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            whole.pop(name, None)
        whole["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        whole["HOME"] = os.environ["HOME"]
        whole["PYTHONPATH"] = import_path()

        def nudge() -> None:
            self._nudge(head)

        if TRAINER in entrypoint and self.trainer == "inline":
            return ThreadWork(lambda over: instant.main_inline(entrypoint, whole, over), nudge)
        if self.trainer == "instant":
            entrypoint = entrypoint.replace(TRAINER, f"-m {instant.__name__}")
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "work"
        return ProcessWork(entrypoint, whole, folder, nudge)

    def _nudge(self, head: Object) -> None:
        """Make KubeRay ask now, which it does every 3 s only: its RayCluster has changed."""
        meta = head["metadata"]
        path = f"/apis/ray.io/v1/namespaces/{meta['namespace']}/rayclusters"
        note = {"metadata": {"annotations": {"lingraft.dev/test-bed": str(time.time())}}}
        with suppress(ApiError, urllib3.exceptions.HTTPError):
            self._api.merge(f"{path}/{meta['labels']['ray.io/cluster']}", note)


def _incarnation(head: Object) -> str:
    """Which life of the head pod: a restarted container has forgotten its jobs."""
    statuses = head["status"].get("containerStatuses") or [{}]
    return f"{head['metadata']['uid']}/{statuses[0].get('restartCount', 0)}"
