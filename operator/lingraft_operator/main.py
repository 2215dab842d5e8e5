"""Start-up and shutdown of the operator: settings, watches, workers, probes, metrics."""

import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import kopf
from prometheus_client import start_http_server

from lingraft.errors import UserError
from lingraft_operator import metrics
from lingraft_operator.cluster import PAGE, Cluster, Refused, Unavailable, connect
from lingraft_operator.config import Config, load_config
from lingraft_operator.gate import Gate
from lingraft_operator.jobs.apply import Actor
from lingraft_operator.jobs.guard import check_pods
from lingraft_operator.jobs.slots import Slots
from lingraft_operator.logs import log_as_json
from lingraft_operator.names import OURS
from lingraft_operator.observation.observe import Observer
from lingraft_operator.start.addresses import everywhere, url_of
from lingraft_operator.start.kuberay import lacking
from lingraft_operator.start.waiting import wait_for
from lingraft_operator.status.recorder import Recorder
from lingraft_operator.status.writer import StatusWriter
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.claims import Claims
from lingraft_operator.watches.handlers import PODS, RAYJOBS, Handlers, register
from lingraft_operator.watches.lanes import Lanes
from lingraft_operator.watches.marks import Marks
from lingraft_operator.watches.queue import Queue, Workers
from lingraft_operator.watches.sweep import Sweeper
from lingraft_operator.worker import Worker

log = logging.getLogger(__name__)

STOP_SECONDS, LAST_WORDS_SECONDS = 20.0, 3.0
"""For the passes that are under way and the Events of them; Kubernetes kills after 30."""
STUCK_SECONDS, DEAD_WATCH_SECONDS = 600.0, 180.0


def main() -> int:
    """Read the settings, and run."""
    log_as_json()
    # Reads are repeated by the queue: no worker should hang on a store for a minute.
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "2")
    try:
        config = load_config(Path(os.environ.get("LINGRAFT_CONFIG", "/etc/lingraft/config.yaml")))
        check_pods(config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    try:
        return serve(config, Cluster(connect()))
    except (Unavailable, Refused) as error:
        print(f"error: the API server does not answer as it should: {error}", file=sys.stderr)
        return 1


def serve(config: Config, cluster: Cluster) -> int:
    """Run until told to stop.

    Raises:
        Unavailable, Refused: There is no API server to start with, or no right to ask it.
    """
    host = os.environ.get("LINGRAFT_LISTEN_HOST") or everywhere(os.environ)
    port = int(os.environ.get("LINGRAFT_HEALTH_PORT", "8080"))
    start_http_server(int(os.environ.get("LINGRAFT_METRICS_PORT", "9090")), addr=host)
    # kopf looks for kinds once, and would be deaf to those that come later.
    if wait_for(lambda: lacking(cluster, config), host, port):
        asyncio.run(run(config, cluster, url_of(host, port, "/healthz")))
    # A thread that hangs on a store would hold Python back for longer than Kubernetes waits.
    logging.shutdown()
    os._exit(0)


async def run(config: Config, cluster: Cluster, liveness_endpoint: str) -> None:
    """Watch, and work, until a signal comes."""
    cache = Cache()
    queue = Queue(Lanes(config.workers), cache.is_large)
    # Of the pod: an emptyDir outlives its containers.
    usual = Path(tempfile.gettempdir(), "lingraft-operator")
    marks = Marks(Path(os.environ.get("LINGRAFT_STATE", usual)))
    claims = Claims(cluster, config.release)
    slots = Slots(config.pools, cache.live)
    observer = Observer(cache, cluster, slots, config)
    actor = Actor(cache, cluster, observer, slots, config, everywhere(os.environ))
    recorder = Recorder(cluster)
    gate, writer = Gate(claims, marks, recorder.tell), StatusWriter(cache, cluster, recorder.tell)
    worker = Worker(cache, cluster, observer, actor, slots, config, gate, writer, queue.add)
    workers = Workers(queue, worker.process, config.workers)
    sweeper = Sweeper(cache, cluster, observer, config, claims, queue.add)
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    handlers = Handlers(cache, queue, slots)
    register(registry, handlers)

    kopf.on.login(registry=registry)(kopf.login_via_client)

    @kopf.on.startup(registry=registry)
    async def start(**_: Any) -> None:
        recorder.start()
        workers.start()
        sweeper.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        sweeper.stop()
        await asyncio.to_thread(workers.stop, STOP_SECONDS)
        marks.close()
        await asyncio.to_thread(recorder.stop, LAST_WORDS_SECONDS)

    @kopf.on.probe(registry=registry)
    async def alive(**_: Any) -> dict[str, float]:
        slowest, unseen = workers.longest_seconds(), cache.seconds_unseen()
        metrics.watch_lag.set(unseen)
        if slowest > STUCK_SECONDS:
            raise kopf.PermanentError(f"a worker is stuck: {slowest:.0f} s in one pass")
        if unseen > DEAD_WATCH_SECONDS:
            raise kopf.PermanentError(f"a watch is dead: it owes us a change for {unseen:.0f} s")
        return {"slowestPassSeconds": slowest, "watchOwesSeconds": unseen}

    configure(settings)
    # What changes between this list and kopf's own, moments later, is seen in the latter; what
    # goes in between is found out when it is asked for, or by the sweeper.
    handlers.start(cluster, config.namespaces)
    metrics.show(cache.live, cache.phases, queue.depth, cache.troubles)
    await kopf.operator(
        registry=registry,
        settings=settings,
        standalone=True,
        clusterwide=not config.namespaces,
        namespaces=list(config.namespaces),
        liveness_endpoint=liveness_endpoint,
    )


class NoDiffs(kopf.AnnotationsDiffBaseStorage):
    """Spares a deep copy of every object that an event brings: no handler of ours wants diffs."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """What kopf would compare from event to event."""
        return kopf.BodyEssence()


def configure(settings: kopf.OperatorSettings) -> None:
    """How kopf is used: for watching, and for nothing else."""
    settings.persistence.diffbase_storage = NoDiffs()
    settings.scanning.disabled = True  # needs no rights on CRDs and namespaces
    settings.posting.enabled = False  # Events are ours
    settings.watching.label_selectors[RAYJOBS[0], RAYJOBS[2]] = OURS
    settings.watching.label_selectors[PODS[0], PODS[2]] = OURS
    settings.watching.inactivity_timeout = 70.0
    settings.watching.chunk_size = PAGE
    settings.queueing.idle_timeout = 0.5  # every object that was seen so lately stays in memory
    settings.process.ultimate_exiting_timeout = 29.0


if __name__ == "__main__":
    sys.exit(main())
