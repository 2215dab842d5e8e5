"""What `bench/fleet.py` measured, as text."""

import re
from collections.abc import Iterator
from typing import Any

from bench.requests import quantile

LABELS = re.compile(r'\w+="([^"]*)"')


def report(found: dict[str, Any]) -> str:
    """All of it, the issue's aims first."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    count, metrics = found["resources"], found["metrics"]
    own = sum(found["calls"].values())
    ready, cpu = found["readySeconds"], found["cpu"]
    yield f"{count} resources" + (", sharing a mini and a finetune" if found["mini"] else "")
    yield f"  all Ready after {ready:.0f} s (created within {found['createSeconds']:.0f} s)"
    yield f"  calls a resource: {own / count:.1f}"
    lags = found["lags"]
    p50, p95 = (quantile(lags, share) for share in (0.5, 0.95))
    yield f"  end of a RayJob to the next action: p50 {p50:.2f} s, p95 {p95:.2f} s"
    waits = buckets(metrics, "lingraft_queue_seconds")
    yield f"  event to worker: p50 {at(waits, 0.5):.3g} s, p95 {at(waits, 0.95):.3g} s"
    yield f"  operator's peak memory: {found['memory']['operator']:.0f} MiB"
    yield f"  idle: {found['idlePercent']:.2f} % of a core"
    if restart := found.get("restart"):
        yield f"  restart: {restart['cpu']:.1f} CPU-s, {restart['peak']:.0f} MiB, then idle " + (
            f"{restart['idlePercent']:.2f} %"
        )
    yield "CPU-seconds until all were Ready"
    for part, seconds in sorted(cpu.items(), key=lambda one: -one[1]):
        each = 1000 * seconds / count
        yield f"  {part:<26} {seconds:>8.1f} {each:>8.1f} ms a resource"
    yield f"  {'all':<26} {sum(cpu.values()):>8.1f} {1000 * sum(cpu.values()) / count:>8.1f}"
    yield "operator's calls, a resource"
    for name, calls in sorted(found["calls"].items(), key=lambda one: -one[1]):
        yield f"  {name:<34} {calls / count:>7.2f}"
    yield f"  by status: {found['codes']}"
    yield "operator's time by part, of all threads: count and seconds a resource"
    for metric in ("lingraft_reconcile_seconds", "lingraft_api_request_seconds"):
        yield from _parts(metrics, metric, count)
    for name, value in metrics.items():
        if "_errors_total" in name and value:
            yield f"  {name} {value:.0f}"


def _parts(metrics: dict[str, float], metric: str, count: int) -> Iterator[str]:
    for name, total in sorted(metrics.items(), key=lambda one: -one[1]):
        if name.startswith(f"{metric}_sum"):
            times = metrics[name.replace("_sum", "_count")]
            label = " ".join(LABELS.findall(name))
            yield f"  {label:<34} {times / count:>7.2f} {1000 * total / count:>8.1f} ms"


def buckets(metrics: dict[str, float], name: str) -> list[tuple[float, float]]:
    """(upper bound, how many lie below) of a histogram without labels."""
    prefix = f'{name}_bucket{{le="'
    found = [(key, value) for key, value in metrics.items() if key.startswith(prefix)]
    return [(float(key[len(prefix) : -2]), value) for key, value in found]


def at(cumulated: list[tuple[float, float]], share: float) -> float:
    """The upper bound of the bucket in which that share of all is reached."""
    total = cumulated[-1][1]
    return next(bound for bound, below in cumulated if below >= share * total)
