"""Names that stand in Kubernetes objects: labels, annotations, and a RayJob's name."""

from lingraft.stage import Stage, sha256_of

MANAGED_BY, OPERATOR = "app.kubernetes.io/managed-by", "lingraft"
OURS = f"{MANAGED_BY}={OPERATOR}"
"""Label selector of the RayJobs and pods that are watched."""
RAYJOB = "lingraft.dev/rayjob"
POOL = "lingraft.dev/pool"
HOLDER = "lingraft.dev/holder"
"""Who writes to the store: an annotation of the RayJob, a label of its pods."""
STAGE = "lingraft.dev/stage"
STORE = "lingraft.dev/store"
MICRO_BATCH_TOKENS = "lingraft.dev/micro-batch-tokens"
RETRY, REFRESH = "lingraft.dev/retry", "lingraft.dev/refresh"
ROLLBACK = "lingraft.dev/rollback"
"""An annotation of a resource: the published version that readers are to follow again."""
RELEASE = "lingraft.dev/release"
"""An annotation of a resource: which release tends it, whoever tends its namespace."""
LEASE = "lingraft"
"""Of each namespace with resources: which release tends it."""
HEAD, BESIDE_WORKERS = "lingraft.dev/head", "beside-workers"
"""A label of the heads that do not train."""
RAY_HEAD, RAY_WORKER = CONTAINERS = ("ray-head", "ray-worker")
"""Ours in the pods; others may be put beside them, KubeRay's own among them."""
SCRATCH, SHARED_MEMORY = "scratch", "shared-memory"
"""Volumes of ours: one on the disk, one in memory."""
OUT_OF_DISK, HEAD_OUT_OF_MEMORY = "OutOfDisk", "HeadOutOfMemory"
"""Reasons of resource failures that a smaller micro-batch does not mend."""
QUEUE = "kueue.x-k8s.io/queue-name"


def rayjob_name(stage: Stage, store: str, credentials_secret: str | None) -> str:
    """The one name of a stage's RayJob in a namespace, so that there are never two.

    Shared only where digest, store and credentials agree. At most 25 characters: KubeRay adds
    a suffix for the RayCluster and takes no more than 47.
    """
    identity = sha256_of([stage.digest, store.rstrip("/"), credentials_secret])
    return f"{stage.kind}-{identity[:16]}"
