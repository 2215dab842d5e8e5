"""Prometheus metrics. Names follow https://prometheus.io/docs/practices/naming/."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from typing import get_args

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lingraft.errors import FailureClass
from lingraft.pools import PoolName
from lingraft.stage import StageKind
from lingraft.status import BudgetStatus, Spent
from lingraft_operator.watches.troubles import Trouble

POOLS: tuple[PoolName, ...] = ("small", "large")
PHASES = ("Pending", "Running", "Suspended", "Ready", "Stalled")
REASONS = ("conflict", "unavailable", "event", "sweep", "unexpected")
SUCCEEDED, LEFT = "Succeeded", "Left"
OUTCOMES = (SUCCEEDED, LEFT, *get_args(FailureClass))
"""How attempts end; those that are left were ended on purpose: suspended, edited, in vain."""
MOST_CURRENCIES = 20
"""That have series of their own: resources name them."""

MOST_NAMESPACES = 500
"""That have series of their own."""
_namespaces: set[str] = set()
_currencies: set[str] = set()
_lock = threading.Lock()

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

queue_depth = Gauge("lingraft_queue_depth", "Resources that wait for a worker")
queue_seconds = Histogram(
    "lingraft_queue_seconds",
    "From an event, or a wake-up that is due, to a worker",
    buckets=SECONDS,
)
reconcile_seconds = Histogram(
    "lingraft_reconcile_seconds",
    "One pass over a resource, by its parts",
    ["part"],
    buckets=SECONDS,
)
reconcile_errors = Counter(
    "lingraft_reconcile_errors_total", "Passes that were broken off", ["reason"]
)
api_seconds = Histogram(
    "lingraft_api_request_seconds", "Kubernetes API calls", ["verb", "kind"], buckets=SECONDS
)
api_errors = Counter(
    "lingraft_api_errors_total", "Kubernetes API calls that failed", ["verb", "kind", "code"]
)
attempts_ended = Counter(
    "lingraft_stage_attempts_ended_total", "Attempts that ended", ["stage", "outcome"]
)
device_seconds = Counter(
    "lingraft_stage_device_seconds_total", "Device-seconds of stages that succeeded", ["stage"]
)
spent_flops = Counter(
    "lingraft_spent_flops_total", "FLOPs of all attempts, by formula", ["namespace"]
)
spent_device_seconds = Counter(
    "lingraft_spent_device_seconds_total", "Device-seconds of all attempts", ["namespace"]
)
spent_cost = Counter(
    "lingraft_spent_cost_total", "Price of all attempts", ["namespace", "currency"]
)
resources = Gauge("lingraft_resources", "LanguageAdaptations by phase", ["phase"])
rayjobs = Gauge("lingraft_rayjobs", "RayJobs that may run, by pool", ["pool"])
watch_lag = Gauge(
    "lingraft_watch_lag_seconds", "How long the watch has owed a change that is known of"
)


class Troubles(Collector):
    """Resources that cannot go on, by namespace and trouble: a series for each that there is."""

    name, labels = "lingraft_resources_in_trouble", ("namespace", "trouble")

    def __init__(self) -> None:
        self.ask: Callable[[], Mapping[tuple[str, Trouble], int]] = dict

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """What it shows, without asking."""
        said = "LanguageAdaptations that do not go on as they should, by what is wrong"
        return [GaugeMetricFamily(self.name, said, labels=self.labels)]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What it shows."""
        sums: dict[tuple[str, Trouble], int] = {}
        for (namespace, trouble), count in self.ask().items():
            place = _namespace(namespace), trouble
            sums[place] = sums.get(place, 0) + count
        (family,) = self.describe()
        for place, count in sums.items():
            family.add_metric(place, count)
        return [family]


troubles = Troubles()
REGISTRY.register(troubles)

# Prometheus sees no increase in a counter that appears with its first event: these begin at 0.
# Not api_errors: which calls fail in which ways is not known before.
for _reason in REASONS:
    reconcile_errors.labels(_reason)
for _stage, _outcome in product(get_args(StageKind), OUTCOMES):
    attempts_ended.labels(_stage, _outcome)
for _stage in get_args(StageKind):
    device_seconds.labels(_stage)


def show(
    live: Callable[[], Mapping[PoolName, Mapping[str, int]]],
    phases: Callable[[], Mapping[str, int]],
    depth: Callable[[], int],
    in_trouble: Callable[[], Mapping[tuple[str, Trouble], int]],
) -> None:
    """Let the gauges ask for what they show when they are scraped."""

    def in_pool(pool: PoolName) -> float:
        return sum(live().get(pool, {}).values())

    def in_phase(phase: str) -> float:
        return phases().get(phase, 0)

    queue_depth.set_function(depth)
    troubles.ask = in_trouble
    for pool in POOLS:
        rayjobs.labels(pool).set_function(partial(in_pool, pool))
    for phase in PHASES:
        resources.labels(phase).set_function(partial(in_phase, phase))


def count_spent(namespace: str, before: BudgetStatus | None, after: BudgetStatus | None) -> None:
    """Add what was spent between two statuses of a resource."""
    then, now = before.spent if before else Spent(), after.spent if after else Spent()
    if then == now:
        return
    label = _namespace(namespace)
    spent_flops.labels(label).inc(max(0.0, now.flops - then.flops))
    hours = max(0.0, now.device_hours - then.device_hours)
    spent_device_seconds.labels(label).inc(3600 * hours)
    paid = {one.currency: one.amount for one in then.cost}
    for one in now.cost:
        more = max(0.0, one.amount - paid.get(one.currency, 0.0))
        if more:
            spent_cost.labels(label, _label(one.currency, _currencies, MOST_CURRENCIES)).inc(more)


def _namespace(name: str) -> str:
    """A label for a namespace."""
    return _label(name, _namespaces, MOST_NAMESPACES)


def _label(name: str, known: set[str], most: int) -> str:
    """A label: of the first ones their name, of the rest together `_others`."""
    with _lock:
        if len(known) < most:
            known.add(name)
        return name if name in known else "_others"


def verb_and_kind(method: str, path: str) -> tuple[str, str]:
    """Labels of a call: `patch`, `languageadaptations/status`."""
    prefix, _, rest = path.partition("/namespaces/")
    if not rest:  # a version of the API, or a kind in all namespaces
        parts = prefix.removeprefix("/apis/").removeprefix("/api/").split("/")
        grouped = path.startswith("/apis/")
        return method.lower(), "discovery" if len(parts) < 2 + grouped else parts[-1]
    parts = rest.split("/")[1:]
    return method.lower(), parts[0] + (f"/{parts[2]}" if len(parts) > 2 else "")
