"""Resources that share much with each other."""

from typing import Any

from tests.support.operator.settings import STORE


def spec(language: str = "sw", method: str = "Standard", **changes: Any) -> dict[str, Any]:
    """A resource's spec: Standard has three stages, MiniPost five."""
    fields: dict[str, Any] = {
        "language": language,
        "base": {"uri": "s3://models/base/"},
        "method": method,
        "corpus": {"uri": f"s3://corpora/{language}/"},
        "store": {"uri": STORE},
    }
    if method == "MiniPost":
        fields["mini"] = {"text": {"uri": "s3://corpora/en/"}}
    return fields | changes


def task(**changes: Any) -> dict[str, Any]:
    """A task with one fine-tuning run."""
    fields = {
        "name": "xnli",
        "format": "xnli",
        "train": "s3://tasks/mnli/",
        "test": "s3://tasks/xnli/",
    }
    return fields | changes


SHAPES: dict[str, dict[str, Any]] = {
    "plain": spec(),
    "task": spec(tasks=[task()]),
    "gate": spec(tasks=[task(gate={"metric": "accuracy", "min": 0.6})]),
    "mini": spec(method="MiniPost"),
    "french": spec("fr", method="MiniPost", tasks=[task()]),
    "once": spec(tasks=[task()], retry={"maxAttempts": 1}),
    "followed": spec(tasks=[task()], refresh={"schedule": "0 2 * * *"}),
    "paid": spec(method="MiniPost", budget={"deviceHours": 3}),
    "published": spec(publish={"uri": f"{STORE}published/"}),
    "secret": spec(tasks=[task()], store={"uri": STORE, "credentialsSecret": "mine"}),
}
CHANGES: dict[str, dict[str, Any]] = {
    "no tasks": {"tasks": []},
    "other epochs": {"tasks": [task(epochs=5)]},
    "gate": {"tasks": [task(gate={"metric": "accuracy", "min": 0.65})]},
    "more attempts": {"retry": {"maxAttempts": 4, "backoffSeconds": 0}},
    "pools": {"pools": {"small": {"cpu": "2"}}},
    "seed": {"seed": 7},
    "much to spend": {"budget": {"flops": 1e25, "deviceHours": 1e6}},
    "little to spend": {"budget": {"deviceHours": 0.5}},
    "too little to begin": {"budget": {"flops": 1e9}},
    "money": {"budget": {"cost": {"amount": 5}}},
    "no budget": {"budget": None},
    "followed": {"refresh": {"schedule": "@weekly", "timeZone": "Europe/Berlin"}},
    "followed for a while": {"refresh": {"schedule": "@monthly", "startingDeadlineSeconds": 60}},
    "followed no more": {"refresh": None},
    "too deep": {"method": "MiniJoint", "mini": {"layers": 12}},
    "forbidden": {"corpus": {"uri": "s3://elsewhere/"}},
    "other secret": {"store": {"uri": STORE, "credentialsSecret": "other"}},
}
POD_STATES: dict[str, dict[str, Any]] = {
    "has no node": {"conditions": [{"type": "PodScheduled", "status": "False"}]},
    "has no image": {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "ray-head", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        ],
    },
    "has no secret": {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "ray-head", "state": {"waiting": {"reason": "CreateContainerConfigError"}}}
        ],
    },
    "has a bad image": {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "ray-head", "state": {"waiting": {"reason": "InvalidImageName"}}}
        ],
    },
    "is out of memory": {
        "containerStatuses": [
            {"name": "ray-head", "state": {"terminated": {"reason": "OOMKilled"}}}
        ],
    },
    "has a sidecar without an image": {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "istio-proxy", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        ],
    },
    "has a sidecar out of memory": {
        "containerStatuses": [
            {"name": "istio-proxy", "lastState": {"terminated": {"reason": "OOMKilled"}}}
        ],
    },
    "fills its disk": {
        "phase": "Failed",
        "reason": "Evicted",
        "message": 'Usage of EmptyDir volume "scratch" exceeds the limit "20Gi". ',
    },
    "is evicted by its node": {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory. ",
        "conditions": [{"type": "DisruptionTarget", "status": "True"}],
    },
    "is preempted": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]},
}
"""What may become of a RayJob's pod."""
