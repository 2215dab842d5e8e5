"""What was seen of a namespace's Ray pods while they came and went."""

import threading
from dataclasses import dataclass, field
from typing import Self

from lingraft_operator import names
from tests.cluster.bed.api import Api, Event


@dataclass
class Seen:
    """A Ray pod that was there.

    Attributes:
        stage: The kind of its stage.
        pool: Whose it was to be.
        head: Whether it was the head.
        node: Where it was bound; empty before.
    """

    stage: str
    pool: str
    head: bool
    node: str


@dataclass
class RayPods:
    """Watches the Ray pods of a namespace, from `__enter__` to `__exit__`."""

    api: Api
    namespace: str
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        options = {"labelSelector": names.RAYJOB}
        arguments = (path, self._on_pod, self._over)
        follow = threading.Thread(
            target=self.api.follow, args=arguments, kwargs=options, daemon=True
        )
        follow.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()

    def _on_pod(self, event: Event) -> None:
        meta, spec = event.object["metadata"], event.object["spec"]
        labels = meta["labels"]
        self.seen[meta["name"]] = Seen(
            stage=labels[names.RAYJOB].partition("-")[0],
            pool=labels[names.POOL],
            head=labels.get("ray.io/node-type") == "head",
            node=spec.get("nodeName", ""),
        )
