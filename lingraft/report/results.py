"""The figures that matter, taken from manifests; tolerant of stages that are not done yet."""

from collections.abc import Mapping
from typing import Any

from lingraft.gates import GateResult
from lingraft.stage import Manifest


def score(value: Mapping[str, Any] | None) -> str:
    """`0.512 ± 0.031`, the standard error where there is one."""
    if not value or value.get("mean") is None:
        return "-"
    error = value.get("stderr")
    return f"{value['mean']:.3f}" + (f" ± {error:.3f}" if error is not None else "")


def score_rows(graft: Manifest | None) -> list[tuple[str, str, str, str]]:
    """(task, metric, target-language score, source-language score) for every metric."""
    rows: list[tuple[str, str, str, str]] = []
    evaluation: list[dict[str, Any]] = graft.metrics.get("evaluation", []) if graft else []
    for one in evaluation:
        source: dict[str, Any] = one.get("sourceMetrics") or {}
        for metric, value in one["metrics"].items():
            rows.append((one["task"], metric, score(value), score(source.get(metric))))
    return rows


def facts(manifests: Mapping[str, Manifest]) -> list[tuple[str, str]]:
    """(what, value) lines about cost and the scores that need no labels."""
    graft = manifests.get("graft")
    lines: list[tuple[str, str]] = []
    if graft:
        heldout: dict[str, Any] = graft.metrics.get("heldout") or {}
        if heldout.get("bitsPerByte") is not None:
            lines.append(("held-out masked-LM bits per byte", f"{heldout['bitsPerByte']:.3f}"))
        cost: dict[str, Any] = graft.metrics.get("compute") or {}
        if "savedPerStep" in cost:
            saved = f"{cost['savedPerStep']:.2f}x (computed, FLOPs)"
            lines.append(("compute saved per step against Standard", saved))
            once = cost.get("oneTimeFlops") or 0.0
            lines.append(("step 2, FLOPs (computed)", f"{cost['embedFlops']:.2e}"))
            lines.append(("the same steps by Standard (computed)", f"{cost['standardFlops']:.2e}"))
            lines.append(("once per base, FLOPs (computed)", f"{once:.2e}" if once else "none"))
            seconds = f"{cost['measuredDeviceSeconds']:,.0f}"
            lines.append(("step 2, device-seconds (measured)", seconds))
    total = sum(manifest.compute.device_seconds for manifest in manifests.values())
    lines.append(("all stages, device-seconds (measured)", f"{total:,.0f}"))
    return lines


def gate_line(gate: GateResult) -> str:
    """A gate's verdict."""
    value = "not computed" if gate.value is None else f"{gate.value:.3f}"
    verdict = "passed" if gate.passed else "FAILED"
    return f"gate {gate.task}: {gate.metric} {value}, at least {gate.minimum:.3f}: {verdict}"
