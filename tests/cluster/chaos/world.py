"""One run of chaos: resources that are worked on, and all that can be broken meanwhile."""

import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.resource import LanguageAdaptation
from lingraft.stage import Progress
from lingraft.store import open_store
from lingraft.store.json_object import parse_object
from lingraft_operator.names import HOLDER, STAGE
from tests.cluster.bed.adaptations import Adaptations, upload_world, write_secret
from tests.cluster.bed.api import Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.forwarder import Forwarder
from tests.cluster.bed.operator import Operator, chart_values
from tests.cluster.bed.processes import Process, wait_until
from tests.cluster.chaos.recorder import ADAPTATION, POD, RAYJOB, Recorder, is_finished, is_running
from tests.integration.seaweed import Seaweed

# Two methods on one base: they share the corpus and the fine-tuned task, and nothing else.
METHODS = {"standard": "Standard", "minipost": "MiniPost"}
MAX_ATTEMPTS = 6
STAGE_SECONDS = 1.5
"""Of work in the instant trainer: long enough to be disturbed in its middle."""
RUN_SECONDS = 400.0
"""That a run may take; on a machine that has nothing else to do it takes a twentieth."""
PAIRS = "pairs"


@dataclass
class World:
    """The resources of one run, and what works on them.

    Attributes:
        bed: The cluster.
        to_api: Between the operator and the API server.
        to_s3: Between operator and trainers and the store.
        operator: Started when the scenario begins.
        homes: Where the resources are: one namespace, until `settle` adds another.
        real: Whether the real trainer works.
        excused: How many RayJobs there may be beyond one for each stage and namespace: every
            scenario adds what it destroyed.
        begun: When, by the monotonic clock.
        forgetful: The API server was started anew: until it has read the RBAC rules again it
            forbids everything.
    """

    bed: Bed
    to_api: Forwarder
    to_s3: Forwarder
    recorder: Recorder
    s3: Seaweed
    texts: str
    real: bool
    homes: list[Adaptations] = field(default_factory=list[Adaptations])
    operators: list[Operator] = field(default_factory=list[Operator])
    excused: int = 0
    forgetful: bool = False
    begun: float = field(default_factory=time.monotonic)

    # Who is there

    def add_operator(self) -> Operator:
        """One more operator, not started; under the chart's RBAC and behind the forwarders."""
        name = f"operator-{len(self.operators) + 1}-{uuid.uuid4().hex[:6]}"
        endpoint = f"http://127.0.0.1:{self.to_s3.port}"
        values = chart_values(endpoint) | {"pollSeconds": 3}
        environment = self.s3.environment | {
            "AWS_ENDPOINT_URL": endpoint,
            "PYTHONFAULTHANDLER": "1",  # `story` asks for stacks
        }
        made = Operator(self.bed.cluster, values, environment, name)
        file = made.applied.kubeconfig
        through = f"https://127.0.0.1:{self.to_api.port}"
        file.write_text(file.read_text().replace(self.bed.cluster.server, through))
        self.operators.append(made)
        return made

    @property
    def operator(self) -> Operator:
        return self.operators[0]

    def settle(self) -> Adaptations:
        """One more namespace with the same resources, of the same store."""
        namespace = self.bed.cluster.namespace(f"chaos-{uuid.uuid4().hex[:8]}")
        write_secret(self.bed.api, namespace, self.s3.environment)
        home = Adaptations(self.bed.api, namespace, self.texts, f"{self.s3.uri}store/")
        self.homes.append(home)
        for name in self.names:
            self.bed.api.create(home.path(), self.body(home, name))
        return home

    @property
    def names(self) -> list[str]:
        """Of the resources of every namespace; one is enough for the real trainer."""
        return list(METHODS)[:1] if self.real else list(METHODS)

    def body(self, home: Adaptations, name: str) -> Object:
        """A resource as its file says."""
        spec: dict[str, Any] = {
            "base": {"uri": f"{self.texts}base/"},
            "retry": {"maxAttempts": MAX_ATTEMPTS, "backoffSeconds": 1},
        }
        made = home.body(name, METHODS[name], **spec)
        if self.real:  # no fine-tuning: a stage less to wait for
            made["spec"]["tasks"] = [t for t in made["spec"]["tasks"] if t["name"] == PAIRS]
        return made

    def plan(self, name: str) -> Plan:
        """What the file of a resource means, worked out here and undisturbed."""
        return plan_resource(LanguageAdaptation.model_validate(self.body(self.homes[0], name)))

    @property
    def namespaces(self) -> list[str]:
        return [home.namespace for home in self.homes]

    @property
    def processes(self) -> list[Process]:
        """Of the operators that nobody has killed: if one of them ends, it ended by itself."""
        found = [one.process for one in self.operators if one.process is not None]
        return [one for one in found if one.popen.poll() != -signal.SIGKILL]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something, for as long as is left to this run."""
        left = max(1.0, self.begun + RUN_SECONDS - time.monotonic())
        wait_until(condition, what, *self.processes, seconds=left)

    # Moments

    def pass_events(self, count: int) -> None:
        """Return when so many more changes were seen, or when all resources are Ready."""
        before = len(self.recorder.changes(self.namespaces))

        def passed() -> bool:
            return len(self.recorder.changes(self.namespaces)) >= before + count or self.is_ready()

        self.wait(passed, f"{count} more changes happen")

    def pass_refusals(self, count: int) -> None:
        """Return when the store has refused so many connections more, or all are Ready."""
        enough = self.to_s3.refused + count

        def passed() -> bool:
            return self.to_s3.refused >= enough or self.is_ready()

        self.wait(passed, f"{count} connections are refused")

    def until_a_rayjob_ends(self) -> None:
        """Return when one of the RayJobs that run now does not any more."""
        running = {one["metadata"]["uid"] for one in self.rayjobs() if is_running(one)}

        def ended() -> bool:
            now = {one["metadata"]["uid"] for one in self.rayjobs() if is_running(one)}
            return not running or bool(running - now)

        self.wait(ended, "a RayJob ends")

    def midway(self, kind: str, chance: random.Random) -> Object:
        """The RayJob of a stage of this kind when it is somewhere in the middle.

        On a machine that is slow to look it may be past that: then what comes next comes late.
        """
        share = 0.0 if self.real else chance.randint(1, 7) / 10
        found: list[Object] = []

        def there() -> bool:
            running = [one for one in self.rayjobs() if is_running(one) and is_kind(one, kind)]
            found[:] = running or [one for one in found if not is_finished(one)]
            ended = [one for one in self.rayjobs() if is_finished(one) and is_kind(one, kind)]
            if not running and ended:
                found[:] = ended
                return True
            return bool(running) and self._share(running[0]) >= share

        self.wait(there, f"a {kind} stage is {share:.0%} done")
        return found[0]

    def _share(self, rayjob: Object) -> float:
        """How much of its steps a trainer has done; -1 before its first heartbeat."""
        notes = rayjob["metadata"]["annotations"]
        key = f"{notes[STAGE]}/{notes[HOLDER]}/progress.json"
        found = parse_object(open_store(f"{self.s3.uri}store/"), key, Progress)
        if found is None:
            return -1.0
        return found[0].step / found[0].steps if found[0].steps else 0.0

    # What is there

    def rayjobs(self) -> list[Object]:
        return self.recorder.present(self.namespaces, RAYJOB)

    def adaptations(self) -> list[Object]:
        return self.recorder.present(self.namespaces, ADAPTATION)

    def is_ready(self) -> bool:
        """Whether every resource was last seen Ready, for the generation that it has."""
        known = self.adaptations()
        return len(known) == len(self.names) * len(self.homes) and all(map(is_ready, known))

    def wait_ready(self) -> None:
        """Wait until every resource is Ready, its last edit included."""

        def ready() -> bool:
            # A watch may not have told of the edit yet: the API server is asked.
            bodies = (home.get(name) for home in self.homes for name in self.names)
            return self.is_ready() and all(map(is_ready, bodies))

        self.wait(ready, "every resource is Ready")

    def story(self) -> str:
        """How things stand, for people; the operators end, and say where they were."""
        for one in self.processes:
            one.signal(signal.SIGABRT)
            one.popen.wait()
        logs = (f"{one.name}: {one.log.read_text()[-12000:]}" for one in self.operators)
        pods = self.recorder.present(self.namespaces, POD)
        told = [*map(_of_rayjob, self.rayjobs()), *map(_of_pod, pods)]
        kuberay = f"KubeRay: {self.bed.kuberay.process.tail()}"
        now = f"at {datetime.now(UTC)}"
        return "\n".join([now, *told, *_of_adaptations(self.adaptations()), kuberay, *logs])


def is_kind(rayjob: Object, kind: str) -> bool:
    return rayjob["metadata"]["annotations"][STAGE].startswith(f"{kind}/")


def is_ready(adaptation: Object) -> bool:
    generation = adaptation["metadata"]["generation"]
    return any(
        one["type"] == "Ready"
        and one["status"] == "True"
        and one["observedGeneration"] == generation
        for one in adaptation.get("status", {}).get("conditions", [])
    )


def _of_adaptations(adaptations: list[Object]) -> Iterator[str]:
    for one in adaptations:
        meta, status = one["metadata"], one.get("status", {})
        yield f"{meta['namespace']}/{meta['name']} generation {meta['generation']}"
        for condition in status.get("conditions", []):
            yield f"  {condition['type']}={condition['status']} {condition['message']}"
        for stage in status.get("stages", []):
            until = stage.get("notBefore", "")
            yield f"  {stage['name']} {stage['state']} {until} {stage.get('message', '')}"
            for attempt in stage.get("attempts", []):
                yield f"    {attempt}"


def _of_rayjob(one: Object) -> str:
    meta, status = one["metadata"], one.get("status", {})
    state = f"{status.get('jobDeploymentStatus')} {status.get('jobStatus')}"
    return f"RayJob {meta['name']} {meta['uid']} {state} {meta.get('deletionTimestamp', '')}"


def _of_pod(one: Object) -> str:
    meta, status = one["metadata"], one["status"]
    waits = [c["state"] for c in status.get("containerStatuses", []) if "waiting" in c["state"]]
    on = one["spec"].get("nodeName")
    gone = meta.get("deletionTimestamp", "")
    return f"pod {meta['name']} {status.get('phase')} on {on} {waits or ''} {gone}"


@contextmanager
def open_world(
    bed: Bed,
    forwarders: tuple[Forwarder, Forwarder],
    recorder: Recorder,
    s3: Seaweed,
    folder: Path,
    base: Path,
    *,
    real: bool = False,
) -> Iterator[World]:
    """A world with one operator and one namespace of resources; all of it ends at the exit."""
    bed.dashboard.trainer = "real" if real else "instant"
    bed.behaviours.set("*", seconds=STAGE_SECONDS)
    texts = upload_world(folder, f"{s3.uri}texts/")
    open_store(texts).upload(base, "base/")
    world = World(bed, *forwarders, recorder, s3, texts, real)
    recorder.forget()
    try:
        world.add_operator().start(wait=False)
        world.settle()
        yield world
    finally:
        for forwarder in forwarders:
            forwarder.allow()
        for operator in world.operators:
            operator.kill()
        for namespace in world.namespaces:
            with suppress(Exception):
                bed.api.delete(f"/api/v1/namespaces/{namespace}")


Scenario = Callable[[World, random.Random], None]
