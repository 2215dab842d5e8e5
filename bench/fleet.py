"""Thousands of LanguageAdaptations at once: how long until all are Ready, and what it costs.

    python -m bench.fleet [--resources 1000] [--mini]            (make bench-operator)

A real control plane and a real S3 server; the operator is a process of its own under the
chart's rights. KubeRay is a stand-in whose stages finish at once, so that what is measured is
the operator, and the API server and the store under it. Every resource has its own corpus,
and so its own corpus, embed and graft; with --mini all of a namespace share one `mini`, and
one `finetune`, which take a while: they have many owners.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bench.fleet_inputs import name_of, spec_of, upload
from bench.report import report
from bench.requests import Requests
from bench.usage import Usage, usages
from lingraft.resource import API_VERSION, KIND
from lingraft.stage import StageSpec
from tests.cluster.bed.adaptations import write_secret
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.fake_kuberay import FakeKubeRay
from tests.cluster.bed.instant import Behaviour
from tests.cluster.bed.kuberay import install_crds
from tests.cluster.bed.operator import Operator, chart_values
from tests.cluster.bed.processes import wait_until
from tests.integration import seaweed

URI = f"s3://{seaweed.BUCKET}/"
NAMESPACES = ("team-a", "team-b", "team-c", "team-d")
SHARED_SECONDS = 30.0
IDLE_SECONDS = 60.0
LONGEST_SECONDS = 3600.0

Object = dict[str, Any]


class Fleet:
    """The bed with an operator, and resources by the thousand."""

    def __init__(
        self, cluster: ControlPlane, operator: Operator, store: int, *, mini: bool
    ) -> None:
        """Remember what is measured; `store` is the S3 server's process."""
        self.cluster, self.operator, self.mini = cluster, operator, mini
        self._store = store
        self.keys: list[tuple[str, str]] = []

    def path(self, namespace: str, name: str = "") -> str:
        """Of one resource, or of a namespace's."""
        base = f"/apis/{API_VERSION}/namespaces/{namespace}/languageadaptations"
        return f"{base}/{name}" if name else base

    def create(self, count: int) -> float:
        """Create resources as fast as the API server takes them; when that began."""
        self.keys = [(NAMESPACES[i % len(NAMESPACES)], name_of(i)) for i in range(count)]
        begun = time.time()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._create, self.keys))
        return begun

    def _create(self, key: tuple[str, str]) -> None:
        namespace, name = key
        spec = spec_of(URI, name, mini=self.mini)
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        self.cluster.admin.create(self.path(namespace), body)

    def wait_until_ready(self) -> None:
        """Return when all are Ready: each is asked for until it is, one after the other."""
        assert self.operator.process is not None
        for namespace, name in self.keys:
            path = self.path(namespace, name)
            wait_until(
                lambda path=path: _is_ready(self.cluster.admin.get(path)),
                f"{name} is Ready",
                self.operator.process,
                *self.cluster.processes,
                seconds=LONGEST_SECONDS,
            )

    def resources(self) -> list[Object]:
        """All of them as they are now."""
        return [r for n in NAMESPACES for r in self.cluster.admin.list(self.path(n))]

    def usages(self) -> dict[str, Usage]:
        """Of everything that runs; `client` is this process: the stand-in, and what creates."""
        assert self.operator.process is not None
        parts = {part.name: part.popen.pid for part in self.cluster.processes}
        own = {"operator": self.operator.process.popen.pid, "client": os.getpid()}
        return usages(own | parts | {"seaweedfs": self._store})

    def settle(self) -> None:
        """Return when the operator has nothing more to do."""
        calm, before = 0, self.usages()["operator"].cpu
        while calm < 5:
            time.sleep(1)  # a rate needs time
            now = self.usages()["operator"].cpu
            calm, before = (calm + 1 if now - before < 0.05 else 0), now

    def idle(self) -> float:
        """Percent of a core that the operator takes while nothing happens."""
        before, begun = self.usages()["operator"].cpu, time.monotonic()
        time.sleep(IDLE_SECONDS)
        return 100 * (self.usages()["operator"].cpu - before) / (time.monotonic() - begun)


def _is_ready(resource: Object) -> bool:
    status = resource.get("status", {})
    if status.get("phase") == "Stalled":  # nothing of this bench's heals
        raise RuntimeError(f"{resource['metadata']['name']}: {status['conditions'][-1]['message']}")
    return status.get("phase") == "Ready"


@contextmanager
def running(*, mini: bool) -> Iterator[Fleet]:
    """Everything started, with empty namespaces."""
    process, store = seaweed.start()
    try:
        os.environ.update(store.environment)
        with ControlPlane() as cluster:
            install_crds(cluster.admin)
            fake = FakeKubeRay(cluster.users["kuberay"])
            fake.behave, fake.running = shared_take_a_while, False
            fake.start()
            with Operator(cluster, chart_values(store.endpoint), store.environment) as operator:
                cluster.restart_controllers()
                for namespace in NAMESPACES:
                    cluster.namespace(namespace)
                    write_secret(cluster.admin, namespace, store.environment)
                yield Fleet(cluster, operator, process.pid, mini=mini)
            fake.stop()
    finally:
        process.kill()
        process.wait()


def shared_take_a_while(spec: StageSpec) -> Behaviour | None:
    """`mini` and `finetune` run for some time, for many to join; the others are done at once."""
    shared = spec.stage.kind in ("mini", "finetune")
    return Behaviour(seconds=SHARED_SECONDS) if shared else None


def measure(count: int, *, mini: bool, restart: bool) -> Object:
    """One run; what was measured, as JSON."""
    with running(mini=mini) as fleet:
        upload(URI, count)
        before = fleet.usages()
        begun = fleet.create(count)
        created = time.time() - begun
        fleet.wait_until_ready()
        after, metrics = fleet.usages(), fleet.operator.metrics()
        resources = fleet.resources()
        owners = {
            attempt["rayJob"]: resource["metadata"]["name"]
            for resource in resources
            for stage in resource["status"]["stages"]
            for attempt in stage.get("attempts", ())
        }
        fleet.settle()
        requests = Requests(fleet.cluster.audit(), fleet.operator.applied.user, owners)
        found: Object = {
            "resources": count,
            "mini": mini,
            "createSeconds": created,
            "readySeconds": max(map(_ready_at, resources)) - begun,
            "cpu": {part: used.cpu - before[part].cpu for part, used in after.items()},
            "memory": {part: used.peak for part, used in fleet.usages().items()},
            "calls": dict(requests.calls),
            "codes": dict(requests.codes),
            "lags": requests.lags,
            "metrics": metrics,
            "idlePercent": fleet.idle(),
        }
        if restart:
            fleet.operator.stop()
            begun = time.time()
            fleet.operator.start()
            found["restart"] = {"aliveSeconds": time.time() - begun}
            fleet.settle()
            found["restart"] |= asdict(fleet.usages()["operator"])
            found["restart"]["idlePercent"] = fleet.idle()
        return found


def _ready_at(resource: Object) -> float:
    """When it became Ready; whole seconds, rounded up."""
    (ready,) = [one for one in resource["status"]["conditions"] if one["type"] == "Ready"]
    return datetime.fromisoformat(ready["lastTransitionTime"]).timestamp() + 1


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description="A fleet of resources, timed.")
    parser.add_argument("--resources", type=int, default=1000)
    parser.add_argument("--mini", action="store_true", help="share a mini and a finetune")
    parser.add_argument("--no-restart", action="store_true", help="leave out the second start")
    chosen = parser.parse_args()
    found = measure(chosen.resources, mini=chosen.mini, restart=not chosen.no_restart)
    print(report(found))
    kind = "mini" if chosen.mini else "own"
    file = Path(f"bench/results/operator-{date.today()}-{chosen.resources}-{kind}.json")
    file.parent.mkdir(exist_ok=True)
    found["measuredAt"] = datetime.now(UTC).isoformat(timespec="seconds")
    file.write_text(json.dumps(found | {"lags": _rounded(found["lags"])}, indent=1) + "\n")
    print(f"\n{file}")


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


if __name__ == "__main__":
    main()
