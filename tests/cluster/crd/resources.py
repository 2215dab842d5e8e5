"""Resources for the CRD's tests, and how they are sent."""

import json
from collections.abc import Callable
from typing import Any

from lingraft.crd import PLURAL
from lingraft.resource import API_VERSION, KIND
from tests.cluster.bed.api import Api, Object
from tests.support.specs import fields_of, task

Kubectl = Callable[..., str]


def spec_of(method: str = "Standard", **changes: Any) -> Object:
    """The shortest spec for a cluster, as `tests.support.specs.spec_of` has it for one machine."""
    return on_s3(fields_of(method) | changes)


def on_s3(spec: Object) -> Object:
    """The same with a bucket instead of this machine's disk."""
    return json.loads(json.dumps(spec).replace("file:///", "s3://bucket/"))


def resource(spec: Object, name: str = "swahili") -> Object:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def path(namespace: str, name: str = "") -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}" + (f"/{name}" if name else "")


def create(api: Api, namespace: str, spec: Object, *, dry_run: bool = False) -> Object:
    """As kubectl does: unknown fields are errors."""
    query: dict[str, Any] = {"dryRun": "All"} if dry_run else {}
    body = resource(spec)
    return api.request("POST", path(namespace), body, fieldValidation="Strict", **query)


SHAPES: dict[str, Object] = {
    "the shortest": spec_of(),
    "no store": {k: v for k, v in spec_of().items() if k != "store"},
    "MiniPost": spec_of("MiniPost"),
    "MiniJoint": spec_of("MiniJoint", mini={"layers": 4, "newLayers": 0}),
    "a base pretrained here": spec_of(
        "MiniJoint",
        base={
            "pretrain": {
                "text": {"uri": "file:///english"},
                "architecture": {"hiddenSize": 144, "layers": 6},
                "tokenizer": {"train": {"type": "bpe"}},
                "jointLayers": 2,
            }
        },
    ),
    "a tokenizer that is loaded": spec_of(tokenizer={"uri": "file:///tokenizer/"}),
    "models of the Hub": spec_of(
        base={"uri": "roberta-base"},
        tokenizer={"uri": "hf://FacebookAI/xlm-roberta-base@refs/pr/1"},
    ),
    "every format": spec_of(
        tasks=[
            task("xnli", gate={"metric": "macroF1", "min": 0.5}),
            task("paws-x", format="paws-x", gate={"metric": "accuracy", "min": 1}),
            task("mlqa", format="mlqa", gate={"metric": "f1", "min": 0}),
            task("squad", format="squad", gate={"metric": "exactMatch", "min": 0.1}),
            task("own", format="classification", dev="file:///dev", sourceTest="file:///test"),
            task("pairs", format="pairs", labels=["no", "yes"], columns={"textPair": "b"}),
            task("qa", format="qa", columns={"id": "number", "context": "paragraph"}),
            {
                "name": "retrieval",
                "format": "retrieval",
                "test": "file:///test",
                "gate": {"metric": "accuracy", "min": 0.9},
            },
        ]
    ),
    "on a busy cluster": spec_of(
        suspend=True,
        queue="team-a",
        budget={"flops": 2e18, "deviceHours": 40, "cost": {"amount": 120.5, "currency": "EUR"}},
        refresh={
            "schedule": "*/30 1-5 * JAN-JUN Mon",
            "timeZone": "Africa/Nairobi",
            "suspend": True,
            "startingDeadlineSeconds": 600,
        },
        seed=2**31 - 1,
        retry={"maxAttempts": 5, "backoffSeconds": 0},
        pools={
            "small": {
                "workers": 4,
                "cpu": "3500m",
                "memory": "16Gi",
                "nodeSelector": {"pool": "small"},
                "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
                "price": {"perHour": 0.1},
                "env": [{"name": "A", "value": "1"}],
                "imagePullSecrets": [{"name": "registry"}],
            },
            "large": {"gpus": 8, "gpuResource": "nvidia.com/gpu", "scratchSize": "1Ti"},
        },
    ),
    "null is absent": spec_of(queue=None, mini={"layers": None}, tasks=[task(dev=None)]),
    "a bucket": spec_of(store={"uri": "s3://bucket"}),
}
