"""The end of a run, and of a report: results on the terminal, and an exit code."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lingraft.gates import GateResult
    from lingraft.plan import Plan
    from lingraft.resource import LanguageAdaptation
    from lingraft.stage import Manifest

GATE_FAILED = 3
"""Exit code."""


def finish(
    resource: "LanguageAdaptation",
    plan: "Plan",
    manifests: "dict[str, Manifest]",
    *,
    json: bool,
) -> None:
    """Print the results; a failed gate is an exit code of its own."""
    from lingraft.floors import remarks
    from lingraft.plan.costs import costs_of
    from lingraft.report.terminal import result_lines
    from lingraft.views.events import Events

    graft = manifests.get("graft")
    metrics = graft.metrics if graft else {}
    gates = gates_of(resource, manifests)
    passed = all(gate.passed for gate in gates)
    if json:
        Events().event(
            "result",
            metrics=metrics,
            gatesPassed=passed,
            costs=costs_of(plan).to_json(),
            warnings=[*plan.warnings, *remarks(metrics)],
        )
    else:
        print("\n".join(["", *result_lines(plan, manifests, gates)]))
    if not passed:
        raise typer.Exit(GATE_FAILED)


def gates_of(
    resource: "LanguageAdaptation", manifests: "dict[str, Manifest]"
) -> "list[GateResult]":
    """What came of the quality gates; none before the evaluation."""
    from lingraft.floors import evaluation_of
    from lingraft.gates import gate_results

    graft = manifests.get("graft")
    return gate_results(resource.spec.tasks, evaluation_of(graft.metrics)) if graft else []
