"""Resources of hundreds of stages: how long a pass takes, and how long others beside them wait.

    python -m bench.stages [--tasks 30] [--seeds 20] [--latency 0.02]    (make bench-operator)

The operator's own passes, queue and workers, in this process. The API server is the tests'
stand-in, whose time is left out; the store answers each request after so many seconds.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from bench.requests import quantile
from lingraft.stage import Progress
from lingraft.store.json_object import timestamp, utc_now
from lingraft.store.stages import StageStore
from lingraft_operator.cluster import Cluster
from lingraft_operator.gate import Gate
from lingraft_operator.jobs.apply import Actor
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.observation import observe, readers
from lingraft_operator.observation.observe import Observer
from lingraft_operator.status.events import Note
from lingraft_operator.status.writer import StatusWriter
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.claims import Claims
from lingraft_operator.watches.handlers import Handlers
from lingraft_operator.watches.lanes import Lanes
from lingraft_operator.watches.marks import Marks
from lingraft_operator.watches.queue import Queue, Workers
from lingraft_operator.worker import Worker
from lingraft_operator.world import Key, Resource
from tests.support.operator.api_server import LA, Body
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.kuberay import spec_of
from tests.support.operator.memory_store import MemoryStore
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import spec, task

FEW = readers.FEW
SECONDS = 60.0
SMALL = ("small", "one")


def many(language: str, tasks: int, seeds: int) -> dict[str, Any]:
    """A spec of tasks x seeds fine-tunings, and three stages more."""
    named = [
        task(name=f"task-{i}", train=f"s3://tasks/{i}/", test=f"s3://tasks/x{i}/", seeds=seeds)
        for i in range(tasks)
    ]
    return spec(language, tasks=named)


class Slow:
    """A store whose requests take a while, while `on`; counts them."""

    def __init__(self, latency: float) -> None:
        self.latency, self.on, self.requests = latency, False, 0

    def wait(self) -> None:
        """One request."""
        if self.on:
            self.requests += 1
            time.sleep(self.latency)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """All memory stores answer after the latency."""

        def slow(call: Callable[..., Any]) -> Callable[..., Any]:
            def late(*arguments: Any, **named: Any) -> Any:
                self.wait()
                return call(*arguments, **named)

            return late

        with ExitStack() as stack:
            for name in ("get", "age", "list"):
                late = slow(getattr(MemoryStore, name))
                stack.enter_context(patch.object(MemoryStore, name, late))
            yield


class Pass:
    """Times passes of a simulated copy, without what the API server's stand-in takes."""

    def __init__(self, copy: OperatorCopy, slow: Slow) -> None:
        self.copy, self.slow, self.outside = copy, slow, 0.0
        cluster = copy.worker.cluster
        for name in ("write_status", "create_rayjob", "get_rayjob", "get_resource", "set_owners"):
            setattr(cluster, name, self._timed(getattr(cluster, name)))

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began, self.slow.on = time.perf_counter(), False
            try:
                return call(*arguments)
            finally:
                self.slow.on = True
                self.outside += time.perf_counter() - began

        return timed

    def run(self, key: Key, said: str) -> None:
        """One pass, and what it took."""
        self.copy.deliver_all()
        self.copy.clock.advance(0.01)
        self.slow.requests, self.outside, self.slow.on = 0, 0.0, True
        began, cpu = time.perf_counter(), time.process_time()
        with patch.object(readers, "FEW", FEW):
            self.copy.worker.process(key)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        self.slow.on = False
        print(
            f"  {said:<34} {took - self.outside:6.2f} s  {self.slow.requests:>5} requests"
            f"  ({cpu:.2f} CPU-s with {self.outside:.2f} s of the stand-in)",
            flush=True,
        )


def one_resource(simulation: Simulation, key: Key, slow: Slow) -> None:
    """Pass after pass, from the first to the last."""
    copy = simulation.copies[0]
    Pass(copy, slow).run(key, "planned, and all RayJobs created")
    move(simulation)
    Pass(copy, slow).run(key, "all begin to run")
    Pass(copy, slow).run(key, "told of at once again")
    simulation.advance(30)
    Pass(copy, slow).run(key, "half a minute later")
    copy.start()
    Pass(copy, slow).run(key, "a new operator, all running")
    for rayjob in simulation.rayjobs():
        simulation.finish(rayjob, "success")
    move(simulation)
    Pass(copy, slow).run(key, "all end at once")
    copy.start()
    Pass(copy, slow).run(key, "a new operator, all but one done")


def unchecked(simulation: Simulation) -> None:
    """Without the checks of what is started, which take longer than what is measured."""
    setattr(simulation.checks, "launch", lambda *_: None)  # noqa: B010


def move(simulation: Simulation) -> None:
    """KubeRay takes every RayJob as far as it goes."""
    for rayjob in simulation.rayjobs():
        while simulation.kuberay.step(rayjob):
            pass


class Stub:
    """An API server that keeps what it is told; thread-safe."""

    def __init__(self, simulation: Simulation) -> None:
        self.api, self._lock = simulation.api, threading.Lock()

    def list_all(self, kind: tuple[str, str, str], *_: Any) -> list[Body]:
        """As `Cluster` has it; so the others."""
        return self.api.all(kind[2])

    def write_status(self, resource: Resource, status: Mapping[str, Any]) -> Body:
        """Takes it as it comes."""
        text = json.dumps(status)  # as the client does
        with self._lock:
            body = self.api.objects[LA, resource.namespace, resource.name]
            version = int(body["metadata"]["resourceVersion"]) + 10**6
            body["metadata"]["resourceVersion"] = str(version)
            body["status"] = json.loads(text)
            return body

    def get_rayjob(self, key: Key) -> Body | None:
        """What is there."""
        return self.api.find("rayjobs", *key)

    def lease(self, _: str) -> None:
        """Nobody else claims a namespace."""

    def put_lease(self, _: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """It is ours."""
        return {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}}

    def events_of(self, *_: Any) -> list[Body]:
        """None."""
        return []


def beside(simulation: Simulation, slow: Slow) -> None:
    """Real threads: all resources are told of all the time, the small one now and then."""
    cache, settings = Cache(), config()
    queue = Queue(Lanes(8), cache.is_large)
    cluster = cast(Cluster, Stub(simulation))
    slots = Slots(settings.pools, cache.live)
    observer = Observer(cache, cluster, slots, settings)
    actor = Actor(cache, cluster, observer, slots, settings)
    waits: list[float] = []
    passes: dict[Key, list[float]] = {}
    asked: dict[Key, float] = {}
    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(Claims(cluster, settings.release), Marks(Path(folder)), quiet)
        writer = StatusWriter(cache, cluster, quiet)
        worker = Worker(cache, cluster, observer, actor, slots, settings, gate, writer, queue.add)

        def process(key: Key) -> float | None:
            began = time.monotonic()
            again = worker.process(key)
            passes.setdefault(key, []).append(time.monotonic() - began)
            if key == SMALL and (since := asked.pop(key, None)) is not None:
                waits.append(time.monotonic() - since)
            return again

        workers = Workers(queue, process, 8)
        Handlers(cache, queue, slots).start(cluster, ())
        slow.on = True
        begun, cpu = time.monotonic(), time.process_time()
        workers.start()
        beats = threading.Thread(target=beat, args=(simulation, over), daemon=True)
        beats.start()
        while time.monotonic() - begun < SECONDS:
            for key in passes.keys() - {SMALL}:  # something is told of hundreds all the time
                queue.add(key)
            if SMALL not in asked:
                asked[SMALL] = time.monotonic()
                queue.add(SMALL)
            over.wait(0.2)
        workers.stop(60)
        slow.on = False
        over.set()
    cpu = (time.process_time() - cpu) / (time.monotonic() - begun)
    large = sorted(took for key, each in passes.items() if key != SMALL for took in each)
    waits.sort()
    print(
        f"  {len(passes) - 1} at once: passes p50 {quantile(large, 0.5):.2f} s, longest"
        f" {max(large):.2f} s, {60 * len(large) / SECONDS / 8:.0f} a minute each;"
        f" {100 * cpu:.0f} % of a core\n  a small one beside them, from event to status:"
        f" p50 {quantile(waits, 0.5):.2f} s, p95 {quantile(waits, 0.95):.2f} s,"
        f" longest {max(waits):.2f} s of {len(waits)}"
    )


def quiet(resource: Resource, note: Note) -> None:
    """Events are not measured."""


def beat(simulation: Simulation, over: threading.Event) -> None:
    """Every ten seconds a heartbeat of every trainer."""
    step = 100
    while not over.wait(10):
        step += 1
        for rayjob in simulation.rayjobs():
            at = spec_of(rayjob)
            now = timestamp(utc_now())
            stages = StageStore(simulation.store_at(at.store), at.stage, at.holder)
            stages.write_progress(Progress(step=step, steps=1000, updated_at=now))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Resources of hundreds of stages, timed.")
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of each request")
    chosen = parser.parse_args()
    slow = Slow(chosen.latency)
    count = chosen.tasks * chosen.seeds + 3
    print(f"a resource of {count} stages, {1000 * chosen.latency:.0f} ms a request of the store")
    with slow.answering(), Simulation().running() as simulation:
        unchecked(simulation)
        simulation.create("a", "one", many("fr", chosen.tasks, chosen.seeds))
        one_resource(simulation, ("a", "one"), slow)
    print(f"eight resources of {count} stages")
    with slow.answering():
        with Simulation().running() as simulation:
            unchecked(simulation)
            for number in range(8):
                shape = many(f"{'ab'[number % 2]}{'cdefghij'[number]}", chosen.tasks, chosen.seeds)
                simulation.create("ab"[number % 2], f"large-{number}", shape)
            simulation.create(*SMALL, spec("sw"))
            simulation.copies[0].run()
            move(simulation)
        with patch.object(observe, "open_store", simulation.open_store):
            beside(simulation, slow)


if __name__ == "__main__":
    main()
