"""KubeRay, the kubelet and Kueue, as far as RayJobs and their head pods show them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from lingraft.stage import CONTRACT, WRITER, WRITTEN_BY, StageSpec
from lingraft_operator.jobs.rayjob import CAPACITY_SECONDS
from tests.support.operator.api_server import POD, RAYJOB, ApiServer, Body, Ref
from tests.support.operator.clock import Clock
from tests.support.operator.memory_store import MemoryStore
from tests.support.operator.trainer import Outcome, Trainer

FINALIZER = "ray.io/rayjob-finalizer"
IMAGES = {"old": 1}
"""Contracts of trainers that are not of this release."""
FINISHED = ("Complete", "Failed", "ValidationFailed")


def ref_of(kind: str, body: Body) -> Ref:
    return kind, body["metadata"]["namespace"], body["metadata"]["name"]


def spec_of(rayjob: Body) -> StageSpec:
    """What the RayJob gives the trainer, as that of its image understands it."""
    head = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    container = head["containers"][0]
    (text,) = [e["value"] for e in container["env"] if e["name"] == "LINGRAFT_STAGE"]
    spec = StageSpec.model_validate_json(text)
    contract = IMAGES.get(container["image"], CONTRACT)
    return spec.model_copy(update={"stage": spec.stage.model_copy(update={"contract": contract})})


class KubeRay:
    """Moves RayJobs along, one step at a time, and runs their trainers."""

    def __init__(
        self, api: ApiServer, clock: Clock, store_at: Callable[[str], MemoryStore]
    ) -> None:
        self.api, self.clock, self._store_at = api, clock, store_at
        self.trainers: dict[str, Trainer] = {}
        """By the RayJob's UID; those whose RayJob is gone live on until their pods go."""
        self.gone: set[str] = set()
        """UIDs of RayJobs whose pods are to go."""
        self.lost: set[str] = set()
        """UIDs of RayJobs whose pods never go: their node is lost."""
        self.skew = timedelta()
        """How wrong the clocks of nodes are where trainers start."""
        self.refused = ""
        """Why the API server takes no pods; empty while it does."""
        self.held = False
        """Whether pods that are made never get ready."""
        self.unheard = 0
        """Head pods of which KubeRay will not hear that they were made, and makes another."""

    def rayjobs(self) -> list[Body]:
        return sorted(self.api.all(RAYJOB), key=lambda body: ref_of(RAYJOB, body))

    def trainer_of(self, rayjob: Body) -> Trainer | None:
        return self.trainers.get(rayjob["metadata"]["uid"])

    def step(self, rayjob: Body) -> bool:
        """One move of one RayJob; whether there was one."""
        ref, metadata = ref_of(RAYJOB, rayjob), rayjob["metadata"]
        status: dict[str, Any] = rayjob.get("status") or {}
        state = status.get("jobDeploymentStatus", "")
        if metadata.get("deletionTimestamp"):
            self.gone.add(metadata["uid"])
            self.api.update(ref, lambda body: body["metadata"].pop("finalizers"))
        elif state in FINISHED:
            return False
        elif rayjob["spec"].get("suspend"):
            if state == "Suspended":
                return False
            self._stop(rayjob)
            self._set(ref, jobDeploymentStatus="Suspended", jobStatus="")
        elif state in ("", "Suspended"):
            self._make_pod(rayjob)
            self.api.update(ref, lambda body: body["metadata"].update(finalizers=[FINALIZER]))
            started = self.clock.now.isoformat()
            self._set(ref, jobDeploymentStatus="Initializing", startTime=started)
        elif state == "Initializing" and self.pod(metadata["uid"]) is None:
            return self._make_late_pod(rayjob)
        elif state == "Initializing":
            if (
                self.held
                or self._pod_status(rayjob).get("conditions")
                or len(self._pods(metadata["uid"])) > 1
            ):
                return False  # something keeps it
            self._set(ref, jobDeploymentStatus="Running", jobStatus="PENDING", dashboardURL="d:1")
        elif status.get("jobStatus") == "PENDING":
            self._start(rayjob)
            self._set(ref, jobStatus="RUNNING")
        else:
            return self._end(rayjob, ref)
        return True

    def _start(self, rayjob: Body) -> None:
        spec = spec_of(rayjob)
        trainer = Trainer(spec, self._store_at(spec.store), self.clock, self.skew)
        head = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
        variables = {one["name"]: one["value"] for one in head["containers"][0]["env"]}
        trainer.environment = {WRITTEN_BY: variables[WRITER]}
        self.trainers[rayjob["metadata"]["uid"]] = trainer
        trainer.start()

    def _end(self, rayjob: Body, ref: Ref) -> bool:
        trainer = self.trainer_of(rayjob)
        if trainer is None or trainer.alive:
            return False
        if trainer.exit_code == 0:
            self.mark(ref, "Complete", "SUCCEEDED")
        else:
            said = f"failed with exit code {trainer.exit_code}" if trainer.exit_code else "lost"
            self.mark(ref, "Failed", "FAILED", f"Job entrypoint command {said}")
        return True

    def mark(self, ref: Ref, state: str, job: str, message: str = "", reason: str = "") -> None:
        """Say that a RayJob has ended, whatever its trainer does."""
        self._set(
            ref,
            jobDeploymentStatus=state,
            jobStatus=job,
            message=message,
            reason=reason or ("AppFailed" if state == "Failed" else ""),
            endTime=self.clock.now.isoformat(),
        )
        self.gone.add(self.api.objects[ref]["metadata"]["uid"])

    def _set(self, ref: Ref, **fields: Any) -> None:
        def change(body: Body) -> None:
            body["status"] = {**(body.get("status") or {}), **fields}

        self.api.update(ref, change)

    # Pods: one for each RayJob.

    def _pods(self, rayjob_uid: str) -> list[Body]:
        return [b for b in self.api.all(POD) if b["metadata"]["uid_of_rayjob"] == rayjob_uid]

    def pod(self, rayjob_uid: str) -> Body | None:
        found = self._pods(rayjob_uid)
        return found[0] if found else None

    def _make_late_pod(self, rayjob: Body) -> bool:
        """Pods that were refused are tried again, for an hour; whether anything changed."""
        ref = ref_of(RAYJOB, rayjob)
        since = datetime.fromisoformat(rayjob["metadata"]["creationTimestamp"])
        if self.clock.now - since > timedelta(seconds=CAPACITY_SECONDS):
            self.mark(ref, "Failed", "FAILED", reason="PreRunningDeadlineExceeded")
            return True
        self._make_pod(rayjob)
        said = {"type": "ReplicaFailure", "status": "True", "message": self.refused}
        told = {"conditions": [said] if self.refused else []}
        if (rayjob.get("status") or {}).get("rayClusterStatus") == told:
            return False
        self._set(ref, rayClusterStatus=told)
        return True

    def _make_pod(self, rayjob: Body) -> None:
        if not self.refused and self.pod(rayjob["metadata"]["uid"]) is None:
            self._add_head(rayjob)
            if self.unheard:
                self.unheard -= 1
                self._add_head(rayjob, "-again")

    def _add_head(self, rayjob: Body, suffix: str = "") -> None:
        metadata = rayjob["metadata"]
        template = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]
        body = {
            "metadata": {
                "namespace": metadata["namespace"],
                "name": f"{metadata['name']}-{metadata['uid']}{suffix}",
                "labels": template["metadata"]["labels"]
                | {"ray.io/node-type": "head", "ray.io/cluster": metadata["uid"]},
                "creationTimestamp": self.clock.now.isoformat(),
                "uid_of_rayjob": metadata["uid"],
            }
        }
        self.api.create(POD, body)

    def _pod_status(self, rayjob: Body) -> dict[str, Any]:
        pod = self.pod(rayjob["metadata"]["uid"])
        return (pod.get("status") or {}) if pod else {}

    def set_pod(self, rayjob: Body, status: dict[str, Any]) -> None:
        """Give a RayJob's pod a status, if it has one."""
        pod = self.pod(rayjob["metadata"]["uid"])
        if pod is not None:
            self.api.update(ref_of(POD, pod), lambda body: body.update(status=status))

    def trouble_stays(self, rayjob: Body) -> bool:
        """Whether its pod is in a trouble that time does not heal."""
        return "containerStatuses" in self._pod_status(rayjob)

    def pods_go(self) -> bool:
        """Pods of RayJobs that are over or gone end, and what runs in them with them."""
        worked = False
        for uid in sorted(self.gone - self.lost):
            worked |= self._stop_uid(uid)
        self.gone.clear()
        return worked

    def _stop(self, rayjob: Body) -> None:
        self._stop_uid(rayjob["metadata"]["uid"])

    def _stop_uid(self, uid: str) -> bool:
        if uid in self.trainers:
            self.trainers[uid].finish("killed", {})
        pods = self._pods(uid)
        for pod in pods:
            self.api.delete(ref_of(POD, pod))
        return bool(pods)

    # What befalls trainers.

    def finish(self, rayjob: Body, outcome: Outcome, metrics: dict[str, Any]) -> None:
        """End the trainer of a RayJob, if there is one at work."""
        trainer = self.trainer_of(rayjob)
        if trainer is not None:
            trainer.finish(outcome, metrics)

    def submit_again(self, rayjob: Body) -> None:
        """The head was lost: KubeRay starts the same trainer anew, within the RayJob."""
        trainer = self.trainer_of(rayjob)
        if trainer is not None and trainer.alive:
            trainer.finish("killed", {})
            self._set(ref_of(RAYJOB, rayjob), jobStatus="PENDING")

    def at_work(self) -> list[Trainer]:
        """All trainers that will end some day."""
        return [t for t in self.trainers.values() if t.alive and not t.mute]

    def beat(self) -> None:
        """All trainers that can give a sign of life."""
        for trainer in self.trainers.values():
            trainer.beat()
