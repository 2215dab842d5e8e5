"""The figures that matter, taken from manifests; tolerant of stages that are not done yet."""

from collections.abc import Mapping
from typing import Any

from lingraft.floors import part, standings
from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.stage import Manifest

SCORES = (
    "task",
    "metric",
    "new language",
    "floor (untouched)",
    "majority",
    "source language",
)
"""Titles of `score_rows`."""
ONCE = ("mini-corpus", "mini")
"""Stages that are computed once for a base so that step 2 is cheaper, by their name in a plan."""


def score(value: Mapping[str, Any] | None) -> str:
    """`0.512 ± 0.031`, the standard error where there is one."""
    if not value:
        return "-"
    error = value.get("stderr")
    return number(value.get("mean")) + (f" ± {error:.3f}" if error is not None else "")


def number(value: float | None) -> str:
    """`0.512`, or `-`."""
    return "-" if value is None else f"{value:.3f}"


def score_rows(graft: Manifest | None) -> list[tuple[str, ...]]:
    """A row of `SCORES` for every metric."""
    return [
        (
            one.task,
            one.metric,
            score({"mean": one.value, "stderr": one.stderr}),
            number(one.untouched),
            number(one.majority),
            score(one.source),
        )
        for one in standings(graft.metrics if graft else {})
    ]


def heldout_facts(graft: Manifest | None) -> list[tuple[str, str]]:
    """(what, value) of the text that was held out: scores that need no labels."""
    heldout: dict[str, Any] = (graft.metrics.get("heldout") if graft else None) or {}
    if heldout.get("bitsPerByte") is None:
        return []
    beside = [
        f"{name} {number(part(heldout, key, 'bitsPerByte'))}"
        for key, name in (("start", "before step 2"), ("untouched", "untouched base"))
    ]
    bits = f"{number(heldout['bitsPerByte'])} ({', '.join(beside)})"
    size = f", of {heldout['bytes']:,} bytes" if "bytes" in heldout else ""
    facts = [(f"held-out bits per byte{size}", bits)]
    if heldout.get("unknownRate") is not None:
        facts.append(("unknown tokens in held-out text", f"{heldout['unknownRate']:.2%}"))
    return facts


def kept_line(plan: Plan) -> str:
    """What became of the language that the base knew."""
    language: str = plan["graft"].stage.params["language"]
    return f"kept by the base, which is only read; the graft reads {language} alone"


def published_line(manifests: Mapping[str, Manifest]) -> str | None:
    """What was published at the run's end, or why nothing was; None: it publishes nowhere."""
    manifest = manifests.get("publish")
    if manifest is None:
        return None
    found = manifest.metrics
    if not found.get("published"):
        return f"not published: {found.get('reason', '')}"
    since = f"{found['since'][:16]}Z"
    return f"published: version {found['version']} at {found['uri']} ({since})"


def measured_facts(manifests: Mapping[str, Manifest]) -> list[tuple[str, str]]:
    """(what, value) of the device-seconds that were measured."""
    seconds = {name: one.compute.device_seconds for name, one in manifests.items()}
    lines: list[tuple[str, str]] = []
    if "embed" in seconds:
        lines.append(("step 2, device-seconds (measured)", f"{seconds['embed']:,.0f}"))
    if once := sum(seconds.get(name, 0.0) for name in ONCE):
        lines.append(("once for the base, device-seconds (measured)", f"{once:,.0f}"))
    lines.append(("all stages, device-seconds (measured)", f"{sum(seconds.values()):,.0f}"))
    return lines


def gate_line(gate: GateResult) -> str:
    """A gate's verdict."""
    value = "not computed" if gate.value is None else f"{gate.value:.3f}"
    verdict = "passed" if gate.passed else "FAILED"
    # What the figures say already is not said twice.
    why = f", {'; '.join(gate.degenerate)}" if gate.degenerate else ""
    return f"gate {gate.task}: {gate.metric} {value}, at least {gate.minimum:.3f}: {verdict}{why}"
