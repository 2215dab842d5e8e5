"""What came out and what it cost, from manifests: pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from lingraft.floors import evaluation_of, labels_line, part, remarks, standings
from lingraft.gates import GateResult, gate_results
from lingraft.plan import Plan
from lingraft.plan.costs import costs_of
from lingraft.plan.packs import writes_pack
from lingraft.pools import POOL_OF, Pool, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import DATA_PARALLEL, Manifest
from lingraft.status import (
    Artifacts,
    ComputeStatus,
    Evaluation,
    HeldOut,
    LanguageAdaptationStatus,
    PublishedStatus,
    StageStatus,
)
from lingraft_operator.status.conditions import Summary


def with_results(
    status: LanguageAdaptationStatus,
    plan: Plan,
    spec: LanguageAdaptationSpec,
    manifests: Mapping[str, Manifest],
    pools: Mapping[PoolName, Pool],
) -> LanguageAdaptationStatus:
    """The status with artifacts, scores and cost of the stages that are done."""
    by_name = {p.name: manifests.get(p.stage.ref) for p in plan.stages}
    graft = by_name.get("graft")
    return status.model_copy(
        update={
            "artifacts": _artifacts(plan, by_name, spec),
            "published": _published(by_name.get("publish")),
            "evaluation": _evaluation(spec, graft) if graft else (),
            "heldout": _heldout(graft.metrics) if graft else None,
            "warnings": (*plan.warnings, *remarks(graft.metrics if graft else {})),
            "compute": _compute(plan, status.stages, by_name, pools),
        }
    )


def with_former(
    status: LanguageAdaptationStatus, before: LanguageAdaptationStatus
) -> LanguageAdaptationStatus:
    """The status with the results of before: what is computed now is not done."""
    kept = ("artifacts", "evaluation", "heldout", "warnings")
    return status.model_copy(update={name: getattr(before, name) for name in kept})


def _artifacts(
    plan: Plan, by_name: Mapping[str, Manifest | None], spec: LanguageAdaptationSpec
) -> Artifacts | None:
    def folder(name: str) -> str | None:
        manifest = by_name.get(name)
        if manifest is None:
            return None
        return f"{plan.store.rstrip('/')}/{manifest.stage.ref}/{manifest.holder}/files/"

    corpus, embed, graft = folder("corpus"), folder("embed"), folder("graft")
    tuned = [f"{t.name}-{seed}" for t in spec.tasks for seed in range(t.seeds) if t.train]
    found = Artifacts(
        tokenizer=f"{corpus}tokenizer/" if corpus else None,
        embeddings=f"{embed}embeddings.safetensors" if embed else None,
        evaluation=f"{graft}evaluation.json" if graft else None,
    )
    if graft and writes_pack(plan):
        bodies = {name: uri for name in tuned if (uri := folder(f"finetune-{name}"))}
        found = found.model_copy(update={"pack": f"{graft}pack/", "fine_tuned": bodies or None})
    elif graft:
        models = {name: f"{graft}tasks/{name}/" for name in tuned}
        found = found.model_copy(update={"model": f"{graft}model/", "task_models": models or None})
    return found if found != Artifacts() else None


def _published(manifest: Manifest | None) -> PublishedStatus | None:
    """What the stage did; a version that it did not make the current one is none."""
    if manifest is None:
        return None
    found = manifest.metrics
    made = {name: found.get(name) for name in ("uri", "as")} | {"reason": found.get("reason", "")}
    if found.get("published"):
        made |= {"by": "publish"} | {one: found.get(one) for one in ("version", "since")}
    return PublishedStatus.model_validate(made)


def _evaluation(spec: LanguageAdaptationSpec, graft: Manifest) -> tuple[Evaluation, ...]:
    measured = evaluation_of(graft.metrics)
    labels = {one["task"]: labels_line(one) for one in measured}
    gates: dict[tuple[str, str], GateResult] = {
        (gate.task, gate.metric): gate for gate in gate_results(spec.tasks, measured)
    }
    rows: list[Evaluation] = []
    for one in standings(graft.metrics):
        if one.value is None:
            continue
        gate = gates.pop((one.task, one.metric), None)
        rows.append(
            Evaluation(
                task=one.task,
                metric=one.metric,
                value=one.value,
                stderr=one.stderr,
                source=(one.source or {}).get("mean"),
                untouched=one.untouched,
                majority=one.majority,
                labels=labels[one.task],
                gate=gate.minimum if gate else None,
                passed=gate.passed if gate else None,
                reason=gate.reason if gate else "",
            )
        )
    # A metric that was asked for and not computed fails its gate.
    for gate in gates.values():
        rows.append(
            Evaluation(
                task=gate.task,
                metric=gate.metric,
                value=0.0,
                gate=gate.minimum,
                passed=False,
                reason=gate.reason,
            )
        )
    return tuple(rows)


def _heldout(metrics: Mapping[str, Any]) -> HeldOut | None:
    found: dict[str, Any] = metrics.get("heldout") or {}
    if found.get("bitsPerByte") is None:
        return None
    return HeldOut(
        bits_per_byte=found["bitsPerByte"],
        start=part(found, "start", "bitsPerByte"),
        untouched=part(found, "untouched", "bitsPerByte"),
        unknown_rate=found.get("unknownRate"),
        tokens_per_word=part(metrics, "tokensPerWord", "grafted"),
        tokens_per_word_untouched=part(metrics, "tokensPerWord", "untouched"),
    )


def _compute(
    plan: Plan,
    stages: Sequence[StageStatus],
    by_name: Mapping[str, Manifest | None],
    pools: Mapping[PoolName, Pool],
) -> ComputeStatus:
    done = [(stage, by_name.get(stage.name)) for stage in stages]
    all_seconds = sum(m.compute.device_seconds for _, m in done if m)
    own = [(stage, m) for stage, m in done if m and not stage.cached]
    costs = costs_of(plan)
    return ComputeStatus(
        saved_per_step=f"{plan.saved_per_step:.2f}x",
        embed_flops=plan["embed"].flops,
        standard_flops=plan.embed_flops_standard,
        one_time_flops=costs.once,
        languages_to_pay=costs.languages_to_pay,
        verdict=costs.sentence,
        device_seconds=round(all_seconds, 1),
        own_device_seconds=round(sum(m.compute.device_seconds for _, m in own), 1),
        price=_price([(stage, m.compute.seconds) for stage, m in own], pools),
    )


def _price(
    spent: Sequence[tuple[StageStatus, float]], pools: Mapping[PoolName, Pool]
) -> str | None:
    """Seconds times workers times their price: of stages that this resource paid for."""
    sums: dict[str, float] = {}
    for stage, seconds in spent:
        pool = pools[POOL_OF[stage.kind]]
        if pool.price is not None:
            workers = (pool.workers or 1) if stage.kind in DATA_PARALLEL else 1
            cost = seconds / 3600 * workers * pool.price.per_hour
            sums[pool.price.currency] = sums.get(pool.price.currency, 0.0) + cost
    return ", ".join(f"{amount:.2f} {currency}" for currency, amount in sums.items()) or None


def progress_text(stages: Sequence[StageStatus], summary: Summary) -> str:
    """The Progress column: `2/5 embed 45%`."""
    if not stages:
        return ""
    done = sum(stage.state == "Done" for stage in stages)
    text = f"{done}/{len(stages)}"
    active = [s for s in stages if s.state in ("Running", "Starting", "Queued", "Retrying")]
    if summary.state != "Reconciling" or not active:
        return text
    first = min(active, key=lambda stage: ("Running", "Starting").count(stage.state) == 0)
    progress = first.progress
    if first.state == "Running" and progress is not None and progress.steps:
        return f"{text} {first.name} {100 * progress.step // progress.steps}%"
    return f"{text} {first.name}" + ("" if first.state == "Running" else f" {first.state}")
