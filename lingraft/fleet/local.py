"""A row of a resource file: what its store and its place of publication hold."""

from collections.abc import Mapping
from typing import Any

from lingraft.errors import LingraftError
from lingraft.fleet.row import MOST_SCORES, Row, Score, clean
from lingraft.floors import part
from lingraft.gates import gate_results
from lingraft.plan import Plan
from lingraft.plan.costs import costs_of
from lingraft.planning import manifests_of, plan_resource
from lingraft.publish import Current, Place
from lingraft.report.verdict import first_scores
from lingraft.resource import LanguageAdaptation
from lingraft.stage import Manifest
from lingraft.store import open_store


def look(resource: LanguageAdaptation) -> Row:
    """What there is of a resource; spends nothing, and reads small objects only.

    One that cannot be planned has a row that says why: it hides no other one.
    """
    try:
        plan = plan_resource(resource)
        asked = resource.spec.publish
        published = Place(open_store(asked.uri)).current() if asked is not None else None
        return row_of_run(resource, plan, manifests_of(plan), published)
    except LingraftError as error:
        said = clean(str(error).partition("\n")[0])
        return Row(_name(resource), resource.spec.language, phase="Stalled", progress=said)


def _name(resource: LanguageAdaptation) -> str:
    metadata = resource.metadata
    return "/".join(filter(None, (clean(metadata.namespace), clean(metadata.name))))


def row_of_run(
    resource: LanguageAdaptation,
    plan: Plan,
    manifests: Mapping[str, Manifest],
    published: Current | None = None,
) -> Row:
    """What is known of a run on this machine, in the words of a cluster.

    Args:
        resource: What was asked for.
        plan: Its plan.
        manifests: The stages that are done, by their names in the plan.
        published: What holds at its place.
    """
    graft = manifests.get("graft")
    metrics: Mapping[str, Any] = graft.metrics if graft else {}
    gates = {
        one.task: one for one in gate_results(resource.spec.tasks, metrics.get("evaluation") or [])
    }
    failed = graft is not None and not all(gate.passed for gate in gates.values())
    scores = [
        Score(
            task=clean(one.task),
            metric=clean(one.metric),
            value=one.value,
            stderr=one.stderr,
            floor=max((f for f in (one.untouched, one.majority) if f is not None), default=None),
            gate=gates[one.task].minimum if one.task in gates else None,
            passed=gates[one.task].passed if one.task in gates else None,
        )
        for one in first_scores(metrics)
        if one.value is not None
    ]
    done = f"{len(manifests)} of {len(plan.stages)} stages are done"
    seconds = sum(one.compute.device_seconds for one in manifests.values())
    return Row(
        name=_name(resource),
        language=resource.spec.language,
        phase="Stalled" if failed else "Ready" if graft else "Pending",
        progress="a quality gate failed" if failed else "done" if graft else done,
        scores=tuple(scores[:MOST_SCORES]),
        bits_before=part(metrics.get("heldout") or {}, "untouched", "bitsPerByte"),
        bits_after=part(metrics, "heldout", "bitsPerByte"),
        tokens_before=part(metrics, "tokensPerWord", "untouched"),
        tokens_after=part(metrics, "tokensPerWord", "grafted"),
        saved=plan.saved_per_step if costs_of(plan).method != "Standard" else None,
        device_hours=seconds / 3600,
        published=published.version if published else "",
        published_since=published.since if published else "",
    )
