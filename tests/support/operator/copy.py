"""One running copy of the operator: its real code around a memory that dies with it."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from lingraft_operator.cluster import Cluster
from lingraft_operator.config import Config
from lingraft_operator.gate import Gate
from lingraft_operator.jobs.apply import Actor
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.observation.observe import Observer
from lingraft_operator.status.events import Note
from lingraft_operator.status.writer import StatusWriter
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.claims import Claims
from lingraft_operator.watches.handlers import Handlers
from lingraft_operator.watches.marks import Marks
from lingraft_operator.watches.queue import Queue
from lingraft_operator.watches.sweep import SWEEP_SECONDS, Sweeper
from lingraft_operator.worker import Worker
from lingraft_operator.world import Key, Resource
from tests.support.operator.api_server import LA, POD, RAYJOB, Body, Watch
from tests.support.operator.clock import Clock
from tests.support.operator.fake_cluster import Crash, FakeCluster

if TYPE_CHECKING:
    from tests.support.operator.simulation import Simulation

Handler = Callable[[str | None, Body], None]


class DueKeys:
    """The queue's rule without its threads: a key once, at the earliest time asked for."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.at = clock, dict[Key, float]()

    def open(self) -> None:
        """Always is."""

    def add(self, key: Key, delay: float = 0.0) -> None:
        due = self.clock.monotonic() + max(0.0, delay)
        self.at[key] = min(due, self.at.get(key, due))

    def due(self) -> list[Key]:
        now = self.clock.monotonic() + 1e-6
        return sorted((key for key, at in self.at.items() if at <= now), key=lambda k: self.at[k])


class OperatorCopy:
    """Cache, queue, handlers and worker of one process, driven step by step."""

    def __init__(self, simulation: "Simulation", name: str, config: Config) -> None:
        self.simulation, self.name, self.config = simulation, name, config
        self.api, self.clock = simulation.api, simulation.clock
        self.faults: list[str] = []
        self.busy = False
        self.working_on: Key | None = None
        self.seen_generation = 0
        self.done_before: set[tuple[str, str]] = set()
        self.watch = Watch()
        self._state = TemporaryDirectory()
        self.start()

    def start(self) -> None:
        """Begin with nothing but what the API server says."""
        self.stop()
        self.cache, self.queue = Cache(), DueKeys(self.clock)
        fake = FakeCluster(self.simulation, self)
        cluster = cast(Cluster, fake)
        self.claims = Claims(cluster, self.config.release, self.clock.monotonic)
        self._claimed_at = self.clock.monotonic()
        self.slots = Slots(self.config.pools, self.cache.live)
        observer = Observer(self.cache, cluster, self.slots, self.config)
        actor = Actor(self.cache, cluster, observer, self.slots, self.config)
        self.worker = Worker(
            self.cache,
            cluster,
            observer,
            actor,
            self.slots,
            self.config,
            Gate(self.claims, self._marks(), self._note),
            StatusWriter(self.cache, cluster, self._note),
            self.queue.add,
        )
        self.sweeper = Sweeper(
            self.cache, cluster, observer, self.config, self.claims, self.queue.add
        )
        self.faults.clear()
        self.watch = Watch()
        self.api.watches.append(self.watch)
        handlers = Handlers(self.cache, cast(Queue, self.queue), self.slots)
        handlers.start(cluster, ())
        self._handlers: dict[str, Handler] = {
            LA: handlers.resource,
            RAYJOB: handlers.rayjob,
            POD: handlers.pod,
        }

    def _marks(self) -> Marks:
        return Marks(Path(self._state.name), lambda: self.clock.read().timestamp())

    def _note(self, resource: Resource, note: Note) -> None:
        self.simulation.notes.append((resource.key, note))

    def stop(self) -> None:
        self.api.watches = [watch for watch in self.api.watches if watch is not self.watch]

    def slots_waiting(self) -> list[Key]:
        """Who is in line for a slot."""
        return self.slots.next_in_line()

    # Watches.

    def deliver(self, stream: tuple[str, str], count: int = 1, *, again: bool = False) -> None:
        """Tell what happened to one object; of several events kopf shows the last only."""
        waiting = self.watch.streams[stream]
        event, body = waiting[:count][-1]
        if not again:
            del waiting[:count]
        if not waiting:
            del self.watch.streams[stream]
        self._tell(stream[0], event, body)

    def _tell(self, kind: str, event: str | None, body: Body) -> None:
        self._handlers[kind](event, body)

    def deliver_all(self) -> bool:
        told = bool(self.watch.streams)
        while self.watch.streams:
            self.deliver(next(iter(self.watch.streams)))
        return told

    def list_again(self) -> None:
        """Repair broken watches: what is there is told, what has gone meanwhile is not."""
        for kind in sorted(self.watch.broken):
            self.watch.forget(kind)
            self.watch.broken.discard(kind)
            for body in self.api.all(kind):
                self.watch.tell(kind, None, body)

    # Work.

    def work(self) -> bool:
        """One pass over the key that has been due for longest; whether there was one."""
        due = self.queue.due()
        if not due or self.busy:
            return False
        key = due[0]
        del self.queue.at[key]
        self.busy = True
        self.simulation.advance(0.001)  # no two passes are at one moment
        seen = self.cache.resource(key)
        self.seen_generation = seen.generation if seen is not None else 0
        self.done_before = self.simulation.done()
        self.working_on = key
        try:
            again = self.worker.process(key)
        except Crash:
            self.start()
            return True
        finally:
            self.busy, self.working_on = False, None
        if again is not None:
            self.queue.add(key, again)
        return True

    def sweep(self) -> None:
        """What the sweeper does once a minute."""
        try:
            self.sweeper.sweep()
        except Crash:
            self.start()

    @property
    def claims_at(self) -> float:
        """When claims are renewed next."""
        return self._claimed_at + SWEEP_SECONDS

    def run(self, passes: int = 60) -> bool:
        """Be told everything and do what is due; whether there was anything to do."""
        if self.claims_at <= self.clock.monotonic():
            self._claimed_at = self.clock.monotonic()
            self.sweeper.claim()
        for turn in range(passes):
            if not (self.deliver_all() | self.work()):
                return turn > 0
        # A few passes may follow each other at once, and end.
        at_most = 5 * len(self.simulation.resources()) + 5
        assert passes < at_most, f"this spins: {self.simulation.describe()}"
        return True
