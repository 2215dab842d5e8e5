"""Results as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from lingraft.floors import evaluation_of, labels_line, remarks
from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.plan.costs import costs_of
from lingraft.report.columns import aligned
from lingraft.report.planned import cost_lines
from lingraft.report.results import (
    SCORES,
    gate_line,
    heldout_facts,
    kept_line,
    measured_facts,
    published_line,
    score_rows,
)
from lingraft.report.samples import guess_lines, sample_lines
from lingraft.report.verdict import verdict_of
from lingraft.stage import Manifest


def result_lines(
    plan: Plan, manifests: Mapping[str, Manifest], gates: Sequence[GateResult]
) -> Iterator[str]:
    """Scores and what they must be compared with, costs, gates and where the artifacts are."""
    graft = manifests.get("graft")
    metrics = graft.metrics if graft else {}
    rows = score_rows(graft)
    if rows:
        yield from aligned(tuple(title.upper() for title in SCORES), rows)
    for entry in evaluation_of(metrics):
        if line := labels_line(entry):
            yield f"labels of {entry['task']}: {line}"
    for what, value in heldout_facts(graft):
        yield f"{what}: {value}"
    yield from sample_lines(metrics)
    yield from guess_lines(metrics)
    for remark in remarks(metrics):
        yield f"warning: {remark}"
    yield from cost_lines(costs_of(plan))
    yield f"compute saved per step: {plan.saved_per_step:.2f}x (computed, not a measured speed-up)"
    for what, value in measured_facts(manifests):
        yield f"{what}: {value}"
    for gate in gates:
        yield gate_line(gate)
    if graft:
        yield f"source language: {kept_line(plan)}"
        yield f"worth it? {verdict_of(plan, manifests, gates).headline}"
        if (said := published_line(manifests)) is not None:
            yield said
        yield f"artifact: {plan.store.rstrip('/')}/{plan['graft'].stage.ref}/{graft.holder}/files/"
