"""Every kind of RayJob that the operator makes, by the name of its golden file.

After a change that is meant: `python -m tests.unit.operator.shapes`, then read the diff.
"""

from pathlib import Path
from typing import Any

import yaml

from lingraft.plan import PlannedStage
from lingraft.pools import POOL_OF, Pool
from lingraft.resource import API_VERSION, KIND
from lingraft.stage import Stage, StageKind, StageSpec
from lingraft_operator.config import Config, PoolConfig
from lingraft_operator.jobs.rayjob import Owner, RayJobRequest, build_rayjob, execution_for
from lingraft_operator.names import rayjob_name

GOLDEN = Path(__file__).parent / "golden"
PLAIN = Config(trainer_image="registry.test/trainer:1")
S3 = Config.model_validate(
    {
        "trainerImage": "registry.test/trainer:1",
        "imagePullPolicy": "Always",
        "s3": {
            "endpoint": "https://s3.test:9000",
            "region": "eu-central-1",
            "caConfigMap": "company-ca",
        },
    }
)
SPOT = {
    "workers": 4,
    "cpu": "4",
    "memory": "16Gi",
    "nodeSelector": {"pool": "small", "capacity": "spot"},
    "headNodeSelector": {"pool": "small", "capacity": "on-demand"},
    "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
}
GPUS = {
    "workers": 2,
    "cpu": "8",
    "memory": "64Gi",
    "gpus": 1,
    "gpuResource": "nvidia.com/gpu",
    "nodeSelector": {"accelerator": "l4"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}
OTHER_GPUS = {
    "cpu": "4",
    "memory": "32Gi",
    "gpus": 2,
    "gpuResource": "amd.com/gpu",
    "nodeSelector": {"accelerator": "mi300x"},
}


def request(
    kind: StageKind,
    pool: Pool,
    *,
    queue: str | None = None,
    credentials_secret: str | None = "s3-credentials",
    superseded: tuple[str, ...] = (),
    micro_batch_tokens: int = 16384,
) -> RayJobRequest:
    """A request as the operator makes it, for a stage that says little."""
    stage = Stage(kind=kind, params={"steps": 100}, inputs={})
    name = rayjob_name(stage, "s3://artifacts/", credentials_secret)
    return RayJobRequest(
        planned=PlannedStage(name=kind, stage=stage, needs=(), flops=0.0),
        spec=StageSpec(
            stage=stage,
            store="s3://artifacts/",
            holder=f"{name}-0a1b2c3d",
            superseded=superseded,
            execution=execution_for(stage, pool, micro_batch_tokens),
        ),
        namespace="models",
        owner=Owner(API_VERSION, KIND, "swahili", "5d0bb3a7-4a2e-4b52-9f0e-0d5e8a6c1f11"),
        pool_name=POOL_OF[kind],
        pool=pool,
        queue=queue,
        credentials_secret=credentials_secret,
        image="registry.test/trainer:1",
    )


def pool(*layers: dict[str, Any]) -> Pool:
    """The chart's pool, and over it what the resource says."""
    found: Pool = PoolConfig()
    for layer in layers:
        found = found.overridden_by(PoolConfig.model_validate(layer))
    return found


TEMPLATED = Config.model_validate(
    {
        "trainerImage": "registry.test/trainer:1",
        "fixedUsers": False,
        "rayJobMetadata": {"labels": {"team": "a"}},
        "pools": {
            "small": {
                "podTemplate": {
                    "metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}},
                    "spec": {
                        "topologySpreadConstraints": [
                            {
                                "topologyKey": "kubernetes.io/hostname",
                                "maxSkew": 3,
                                "whenUnsatisfiable": "ScheduleAnyway",
                            }
                        ],
                        "volumes": [{"name": "data", "emptyDir": {}}],
                        "containers": [
                            {"name": name, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
                            for name in ("ray-head", "ray-worker")
                        ],
                    },
                }
            }
        },
    }
)


SHAPES: dict[str, tuple[RayJobRequest, Config]] = {
    "head-only": (request("mini", pool()), PLAIN),
    "head-only-gpu": (request("graft", pool(OTHER_GPUS)), PLAIN),
    "workers-on-spot": (request("embed", pool(SPOT)), PLAIN),
    # No nodes for heads: the head goes where workers go, and tolerates what they do.
    "workers-with-gpus": (request("finetune", pool(GPUS)), PLAIN),
    # Not data-parallel: one of the pool's workers.
    "one-of-many-workers": (
        request("corpus", pool(SPOT, {"cpu": "2500m", "headNodeSelector": {}})),
        PLAIN,
    ),
    "workload-identity": (
        request(
            "pretrain",
            pool(GPUS, {"serviceAccountName": "s3-reader"}),
            credentials_secret=None,
        ),
        PLAIN,
    ),
    "queued": (
        request("embed", pool(SPOT, {"priorityClassName": "batch"}), queue="team-a"),
        PLAIN,
    ),
    "private-registry-and-s3": (
        request(
            "mini",
            pool(
                {"workers": 1, "nodeSelector": {"pool": "small"}, "scratchSize": "5Gi"},
                {
                    "imagePullSecrets": [{"name": "registry"}],
                    "env": [
                        {"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"},
                        {"name": "NCCL_DEBUG", "value": "INFO"},
                    ],
                },
            ),
        ),
        S3,
    ),
    "with-the-chart-s-template": (request("embed", pool(SPOT)), TEMPLATED),
    "second-attempt": (
        request("embed", pool(SPOT), superseded=("embed-1-0f",), micro_batch_tokens=8192),
        PLAIN,
    ),
}


def text_of(name: str) -> str:
    """The golden file as it should be."""
    return yaml.safe_dump(build_rayjob(*SHAPES[name]), sort_keys=False, width=100)


def golden(name: str) -> Path:
    """The golden file."""
    return GOLDEN / f"{name}.yaml"


if __name__ == "__main__":
    for file in GOLDEN.glob("*.yaml"):
        file.unlink()
    for shape in SHAPES:
        golden(shape).write_text(text_of(shape))
