"""The RayJob of one attempt at a stage: pure, and the only place that knows its shape.

API: https://docs.ray.io/en/latest/cluster/kubernetes/getting-started/rayjob-quick-start.html
"""

from dataclasses import dataclass
from typing import Any

from lingraft.errors import UserError
from lingraft.plan import Plan, PlannedStage
from lingraft.pools import Pool, PoolName
from lingraft.stage import DATA_PARALLEL, WRITER, Execution, Stage, StageSpec, canonical_json
from lingraft_operator import names
from lingraft_operator.config import Config
from lingraft_operator.jobs.podspec import Pods, Size, head_size_of, size_of

ENTRYPOINT = "python -m lingraft_trainer env:LINGRAFT_STAGE"
SPEC_BYTES = 100 * 2**10
"""Linux takes no environment variable above 128 KiB."""
LONGEST_HOLDER, MOST_ATTEMPTS = 47, 10
"""Of a holder's name, and attempts that are listed in a status: each may leave a holder behind."""
LONGEST_SECONDS = 30 * 24 * 3600
"""Of one attempt: it bounds what runs on while no operator looks. Pretraining takes weeks."""
CAPACITY_SECONDS = 3600
"""How long pods may wait for nodes before the RayJob is made anew; that counts as no attempt."""


class NoRoomError(UserError):
    """A plan of which a stage, or the whole status, has no room in Kubernetes."""


@dataclass(frozen=True)
class Owner:
    """A resource that wants a RayJob."""

    api_version: str
    kind: str
    name: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """Its owner reference: neither controller nor blocking, for there may be several."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
        }


@dataclass(frozen=True)
class RayJobRequest:
    """All that decides one RayJob, beside the chart's settings.

    Attributes:
        planned: The stage in its place in the plan.
        spec: What the trainer gets: holder and execution included.
        namespace: The resource's.
        owner: The resource that launches it.
        pool_name, pool: Where it runs; the pool with the resource's overrides.
        queue: Kueue's LocalQueue, or None.
        credentials_secret: Whose keys become the pods' environment, or None.
        image: Of head and workers.
        everywhere: Where the head's dashboard listens.
    """

    planned: PlannedStage
    spec: StageSpec
    namespace: str
    owner: Owner
    pool_name: PoolName
    pool: Pool
    queue: str | None
    credentials_secret: str | None
    image: str
    everywhere: str = "0.0.0.0"


def execution_for(stage: Stage, pool: Pool, micro_batch_tokens: int) -> Execution:
    """How a pool executes a stage: workers for what is data-parallel, else one of them."""
    workers, size = pool.workers or 0, size_of(pool)
    return Execution(
        workers=workers if stage.kind in DATA_PARALLEL else min(workers, 1),
        threads=size.cores,
        gpus_per_worker=size.gpus,
        micro_batch_tokens=micro_batch_tokens,
    )


def build_rayjob(request: RayJobRequest, config: Config) -> dict[str, Any]:
    """The RayJob.

    Raises:
        NoRoomError: The stage's description does not fit into a pod's environment.
    """
    stage, spec = request.planned.stage, request.spec
    name = names.rayjob_name(stage, spec.store, request.credentials_secret)
    labels = {
        names.MANAGED_BY: names.OPERATOR,
        names.RAYJOB: name,
        names.POOL: request.pool_name,
    }
    # Kueue's label is the RayJob's: on pods it would queue each of them as well.
    pods = Pods(
        pool=request.pool,
        image=request.image,
        credentials_secret=request.credentials_secret,
        labels=labels | {names.HOLDER: spec.holder},
        config=config,
        patch=config.pools[request.pool_name].pod_template,
    )
    given = config.ray_job_metadata
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {
            "name": name,
            "namespace": request.namespace,
            "labels": given.labels
            | labels
            | ({names.QUEUE: request.queue} if request.queue else {}),
            "annotations": given.annotations
            | {
                names.STAGE: stage.ref,
                names.STORE: spec.store,
                names.HOLDER: spec.holder,
                names.MICRO_BATCH_TOKENS: str(spec.execution.micro_batch_tokens),
            },
            "ownerReferences": [request.owner.reference()],
        },
        # `suspend` is Kueue's to set.
        "spec": {
            "entrypoint": ENTRYPOINT,
            # KubeRay posts the job itself: no submitter pod, no log stream that may break.
            "submissionMode": "HTTPMode",
            # Attempts are ours: KubeRay's own would wipe out why the last one failed.
            "backoffLimit": 0,
            # At once: what pods died of is watched while it happens, and logs are not kept there.
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 0,
            "activeDeadlineSeconds": LONGEST_SECONDS,
            "preRunningDeadlineSeconds": CAPACITY_SECONDS,
            "rayClusterSpec": {
                "rayVersion": config.ray_version,
                "authOptions": {"mode": "token"},
                **_groups(request, pods),
            },
        },
    }


def _groups(request: RayJobRequest, pods: Pods) -> dict[str, Any]:
    """The head, which does the work itself where there are no workers, and the workers."""
    workers, size = request.spec.execution.workers, size_of(request.pool)
    # Ray starts the driver on the head, as long as no resources are asked for it.
    called = f"{request.owner.name}/{request.planned.name}"
    # Of all pods: a worker may be the one that writes the manifest.
    writer = {WRITER: f"{request.namespace}/{request.owner.name}"}
    # KubeRay says 0.0.0.0 where nothing is said.
    shown = {"dashboard-host": request.everywhere} if ":" in request.everywhere else {}
    stage = writer | {
        "LINGRAFT_STAGE": stage_text(request.spec, request.planned.name),
        "LINGRAFT_NAME": called,
    }
    if not workers:
        template = pods.template(names.RAY_HEAD, size, environment=stage)
        return {"headGroupSpec": {"rayStartParams": _offers(size) | shown, "template": template}}
    small = head_size_of(request.pool)
    template = pods.template(names.RAY_HEAD, small, apart=True, environment=stage)
    head = {"rayStartParams": _offers(small, cores=0) | shown, "template": template}
    group = {
        "groupName": request.pool_name,
        "replicas": workers,
        "minReplicas": workers,
        "maxReplicas": workers,
        "rayStartParams": _offers(size),
        "template": pods.template(names.RAY_WORKER, size, environment=writer),
    }
    return {"headGroupSpec": head, "workerGroupSpecs": [group]}


def _offers(size: Size, cores: int | None = None) -> dict[str, str]:
    """What Ray may schedule on a pod."""
    return {
        "num-cpus": str(size.cores if cores is None else cores),
        "num-gpus": str(size.gpus),
        "object-store-memory": str(size.object_store),
    }


def stage_text(spec: StageSpec, name: str) -> str:
    """What the trainer gets in its environment.

    Raises:
        NoRoomError: It does not fit there.
    """
    # Kubernetes would expand $(NAME).
    text = canonical_json(spec.to_json()).decode().replace("$", r"\u0024")
    length = len(text.encode())
    if length > SPEC_BYTES:
        raise NoRoomError(
            f"it takes {length:,} bytes to describe, and a pod's environment has room for "
            f"{SPEC_BYTES:,}: divide the tasks, or their seeds, among several resources of the "
            "same store, which share everything else",
            where=f"stage {name}",
        )
    return text


def check_stages(plan: Plan) -> None:
    """Refuse a plan of which a stage could one day not be started, before the first one is.

    Raises:
        NoRoomError: Names the stage.
    """
    holder = "h" * LONGEST_HOLDER
    longest = {
        "superseded": (holder,) * (MOST_ATTEMPTS + 1),
        "execution": Execution(
            workers=1000, threads=10**4, gpus_per_worker=16, micro_batch_tokens=10**9
        ),
    }
    for planned in plan.stages:
        stage_text(plan.spec(planned, holder).model_copy(update=longest), planned.name)
