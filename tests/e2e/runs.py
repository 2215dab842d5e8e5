"""Adaptations on the bed: one that nobody disturbs, and the same again to be disturbed."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

from lingraft.files import load_resource
from lingraft.plan import Plan, PlannedStage
from lingraft.planning import manifests_of, plan_resource
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft.store.stages import StageStore, read_manifest
from lingraft_operator import names
from tests.cluster.bed.adaptations import SECRET, Adaptations
from tests.cluster.bed.api import Object
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.e2e.bed.bed import Bed
from tests.e2e.bed.watching import RayPods, Seen

LONG: Object = {"steps": 6000, "batchTokens": 256, "sequenceLength": 32, "learningRate": 1e-3}
"""Half a minute of `embed` or more: checkpoints come every two seconds."""
READY_SECONDS, START_SECONDS = 900, 300


@dataclass(frozen=True)
class Finished:
    """An adaptation that nobody disturbed.

    Attributes:
        file: What was applied.
        status: Of the resource, when it was Ready.
        plan: As this machine makes it of the same file.
        manifests: By stage name.
        pods: Every Ray pod that was there.
        seconds: From `kubectl apply` to Ready.
    """

    file: Path
    status: Object
    plan: Plan
    manifests: dict[str, Manifest]
    pods: list[Seen]
    seconds: float


def finish(bed: Bed, adaptations: Adaptations, folder: Path) -> Finished:
    """Apply an adaptation with kubectl and wait until it is Ready."""
    file = folder / "french.yaml"
    file.write_text(yaml.safe_dump(adaptations.body("french", "MiniPost", embeddings=LONG)))
    started = time.monotonic()
    with RayPods(bed.api, adaptations.namespace) as pods:
        bed.cluster.kubectl("apply", f"--filename={file}")
        status = adaptations.wait("french", seconds=READY_SECONDS)["status"]
    seconds = time.monotonic() - started
    plan = plan_resource(load_resource(file))
    return Finished(file, status, plan, manifests_of(plan), list(pods.seen.values()), seconds)


@dataclass
class Disturbed:
    """A run of the same spec in a store of its own, which lacks `embed` and what follows.

    Attributes:
        name: Of the resource, and of its store.
        checkpoint: How many updates the newest one had when `start` returned.
    """

    bed: Bed
    adaptations: Adaptations
    finished: Finished
    name: str
    checkpoint: int = 0

    @property
    def store(self) -> str:
        """URI of its store."""
        return f"s3://lingraft/{self.name}/"

    @property
    def embed(self) -> PlannedStage:
        return next(one for one in self.finished.plan.stages if one.stage.kind == "embed")

    def start(self) -> None:
        """Create it, and wait until `embed` has a checkpoint."""
        self.clear()
        bucket = boto3.resource("s3").Bucket("lingraft")
        for planned in self.finished.plan.stages:
            if planned.stage.kind not in ("embed", "graft"):
                for found in bucket.objects.filter(Prefix=f"store/{planned.stage.ref}/"):
                    source: Any = {"Bucket": bucket.name, "Key": found.key}
                    bucket.copy(source, found.key.replace("store/", f"{self.name}/", 1))
        store = {"uri": self.store, "credentialsSecret": SECRET}
        self.adaptations.create(self.name, "MiniPost", embeddings=LONG, store=store)
        wait_until(self._has_checkpoint, "embed has a checkpoint", seconds=READY_SECONDS)

    def clear(self) -> None:
        """Delete every resource, and wait until their RayJobs and pods are gone."""
        self.adaptations.delete_all()
        wait_until(lambda: not self.rayjobs(), "no RayJob is left", seconds=START_SECONDS)
        wait_until(lambda: not self.pods(), "no pod is left", seconds=START_SECONDS)

    def stages(self, holder: str) -> StageStore:
        """`embed`'s place in the store."""
        return StageStore(open_store(self.store), self.embed.stage, holder)

    def rayjobs(self) -> list[Object]:
        return self.bed.api.list(rayjob_path(self.adaptations.namespace))

    def rayjob(self) -> Object:
        """Of `embed`."""
        (found,) = (one for one in self.rayjobs() if one["metadata"]["name"].startswith("embed"))
        return found

    def pods(self, node_type: str = "") -> list[Object]:
        """Ray pods: head or worker, or all."""
        chosen = names.RAYJOB + (f",ray.io/node-type={node_type}" if node_type else "")
        path = f"/api/v1/namespaces/{self.adaptations.namespace}/pods"
        return self.bed.api.list(path, labelSelector=chosen)

    def attempts(self) -> list[Object]:
        """Of `embed`."""
        return self.adaptations.stage(self.name, self.embed.name).get("attempts", [])

    def wait_ready(self) -> None:
        """Wait until it is Ready."""
        self.adaptations.wait(self.name, seconds=READY_SECONDS)

    def assert_resumed(self) -> None:
        """It went on from a checkpoint, and made what an undisturbed run makes.

        KubeRay makes a head anew and submits the job again: then it is the attempt that it was.
        """
        *before, last = self.attempts()
        assert all(attempt["failureClass"] == "infrastructure" for attempt in before)
        manifest = self.stages("").manifest()
        assert manifest is not None and manifest.holder == last["holder"]
        assert manifest.environment["resumedFrom"] >= self.checkpoint
        reference = self.finished.manifests[self.embed.name]
        assert manifest.compute.tokens == reference.compute.tokens
        assert tensors(manifest) == tensors(reference), "byte for byte, as if nothing had happened"
        store = open_store(self.store)
        for planned in self.finished.plan.stages:
            assert read_manifest(store, planned.stage.ref), planned.name

    def _has_checkpoint(self) -> bool:
        newest = self.stages("").latest_checkpoint()
        self.checkpoint = 0 if newest is None else newest.step
        return self.checkpoint > 0


def tensors(manifest: Manifest) -> dict[str, str]:
    """The sha256 of the files that hold tensors."""
    found = {record.path: record.sha256 for record in manifest.files}
    return {path: digest for path, digest in found.items() if path.endswith(".safetensors")}
