from collections.abc import Mapping
from typing import Any

import pytest

from lingraft.plan import Plan
from lingraft.pools import Pool, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Compute, Manifest
from lingraft.status import LanguageAdaptationStatus, StageProgress, StageStatus
from lingraft_operator.status.conditions import Summary
from lingraft_operator.status.results import progress_text, with_results
from lingraft_operator.status.summary import aspects_of, summary_of
from tests.support.operator.clock import START
from tests.support.operator.views import stage
from tests.support.specs import planned, spec_of, task

BUSY = Summary("Reconciling", "Running", "words")
SCORES = [
    {
        "task": "xnli",
        "metrics": {"accuracy": {"mean": 0.7, "stderr": 0.01}, "macroF1": {"mean": None}},
        "sourceMetrics": {"accuracy": {"mean": 0.8}},
    }
]


def manifest(plan: Plan, name: str, seconds: float = 3600.0, **metrics: Any) -> Manifest:
    return Manifest(
        stage=plan[name].stage,
        holder=f"by-{name}",
        files=(),
        metrics=metrics,
        compute=Compute(seconds=seconds, device_seconds=8 * seconds),
        environment={},
        created_at=START.isoformat(),
    )


def results(
    spec: LanguageAdaptationSpec,
    *names: str,
    cached: tuple[str, ...] = (),
    pools: Mapping[PoolName, Pool] | None = None,
    **metrics: Any,
) -> LanguageAdaptationStatus:
    plan = planned(spec)
    manifests = {
        plan[name].stage.ref: manifest(plan, name, **(metrics if name == "graft" else {}))
        for name in names
    }
    stages = tuple(
        StageStatus(
            name=one.name,
            kind=one.stage.kind,
            digest=one.stage.digest,
            state="Done" if one.name in names else "Waiting",
            cached=one.name in cached,
        )
        for one in plan.stages
    )
    before = LanguageAdaptationStatus(stages=stages)
    return with_results(before, plan, spec, manifests, pools or {"small": Pool(), "large": Pool()})


def test_artifacts_are_listed_as_they_come() -> None:
    spec = spec_of(tasks=[task()])
    assert results(spec).artifacts is None
    early = results(spec, "corpus").artifacts
    assert early is not None and early.tokenizer is not None and early.embeddings is None
    graft = planned(spec)["graft"].stage.ref
    tuned = ("finetune-xnli-0", "finetune-xnli-1")
    found = results(spec, "corpus", "embed", *tuned, "graft").artifacts
    assert found is not None
    assert found.pack == f"file:///store/{graft}/by-graft/files/pack/"
    assert found.fine_tuned is not None
    assert sorted(found.fine_tuned) == ["xnli-0", "xnli-1"]
    body = planned(spec)["finetune-xnli-1"].stage.ref
    assert found.fine_tuned["xnli-1"] == f"file:///store/{body}/by-finetune-xnli-1/files/"
    assert (found.model, found.task_models) == (None, None)


def test_scores_stand_beside_the_source_language_and_the_gate() -> None:
    gate = {"metric": "accuracy", "min": 0.75}
    (row,) = results(spec_of(tasks=[task(gate=gate)]), "graft", evaluation=SCORES).evaluation
    assert (row.task, row.metric, row.value, row.source) == ("xnli", "accuracy", 0.7, 0.8)
    assert (row.gate, row.passed) == (0.75, False)
    (row,) = results(spec_of(tasks=[task()]), "graft", evaluation=SCORES).evaluation
    assert (row.gate, row.passed) == (None, None)
    gate = {"metric": "accuracy", "min": 0.7}  # what is reached is passed
    (row,) = results(spec_of(tasks=[task(gate=gate)]), "graft", evaluation=SCORES).evaluation
    assert row.passed


@pytest.mark.parametrize("evaluation", [[], SCORES])
def test_a_gate_without_a_score_is_not_passed(evaluation: list[dict[str, Any]]) -> None:
    gate = {"metric": "macroF1", "min": 0.1}
    rows = results(spec_of(tasks=[task(gate=gate)]), "graft", evaluation=evaluation).evaluation
    assert [row.passed for row in rows if row.metric == "macroF1"] == [False]


def test_before_the_graft_nothing_is_evaluated() -> None:
    gate = {"metric": "accuracy", "min": 0.1}
    assert results(spec_of(tasks=[task(gate=gate)]), "corpus").evaluation == ()


def test_what_others_had_done_costs_nothing_here() -> None:
    price = {"perHour": 2.0}
    pools: dict[PoolName, Pool] = {
        "small": Pool.model_validate({"workers": 4, "price": price}),
        "large": Pool.model_validate({"workers": 2, "price": price | {"currency": "EUR"}}),
    }
    done = ("corpus", "embed", "graft")
    compute = results(spec_of(), *done, pools=pools, cached=("corpus",)).compute
    assert compute is not None
    assert compute.device_seconds == 3 * 8 * 3600
    assert compute.own_device_seconds == 2 * 8 * 3600
    # An hour of four small workers, and of one large one: a graft is not data-parallel.
    assert compute.price == "8.00 USD, 2.00 EUR"
    free = results(spec_of(), *done).compute
    assert free is not None and free.price is None


def test_what_a_step_saves_is_known_before_it_is_run() -> None:
    standard, mini = results(spec_of()).compute, results(spec_of("MiniPost")).compute
    assert standard is not None and mini is not None
    assert standard.saved_per_step == "1.00x"
    assert mini.embed_flops is not None and mini.standard_flops is not None
    assert mini.saved_per_step == f"{mini.standard_flops / mini.embed_flops:.2f}x"
    assert mini.device_seconds == 0
    # What is spent once, and whether it pays, stands beside.
    assert mini.one_time_flops is not None and mini.languages_to_pay is not None
    own, standard_flops = mini.embed_flops, mini.standard_flops
    assert mini.one_time_flops <= mini.languages_to_pay * (standard_flops - own)
    assert mini.languages_to_pay == 1 and "costs 0.95x what Standard's does" in mini.verdict
    much = {"text": {"uri": "file:///english"}, "steps": 10_000}
    dear = results(spec_of("MiniPost", mini=much)).compute
    assert dear is not None and "pay after 2 languages" in dear.verdict
    assert standard.one_time_flops == 0 and standard.languages_to_pay is None


FLOORS = {
    "floors": {"accuracy": {"majority": 0.72, "untouched": {"mean": 0.5, "perSeed": [0.5]}}},
    "labels": {"gold": {"yes": 3, "no": 1}, "train": None, "predicted": {"yes": 4.0}},
}


def test_scores_stand_beside_their_floors() -> None:
    heldout = {"bitsPerByte": 1.5, "start": {"bitsPerByte": 3.0}, "untouched": None}
    done = results(
        spec_of(tasks=[task()]), "graft", evaluation=[SCORES[0] | FLOORS], heldout=heldout
    )
    (row,) = done.evaluation
    assert (row.majority, row.untouched) == (0.72, 0.5)
    assert row.labels == "right: yes 3, no 1; given: yes 4"
    assert done.heldout is not None
    assert (done.heldout.bits_per_byte, done.heldout.start, done.heldout.untouched) == (
        1.5,
        3.0,
        None,
    )
    assert any("no better than the most frequent label" in one for one in done.warnings)


def test_older_manifests_have_no_floors() -> None:
    done = results(spec_of(tasks=[task()]), "graft", evaluation=SCORES)
    (row,) = done.evaluation
    assert (row.majority, row.untouched, row.labels, done.heldout) == (None, None, "", None)


def test_short_runs_are_warned_of_from_the_first_status_on() -> None:
    (said,) = results(spec_of(embeddings={"steps": 9})).warnings
    assert "9 updates are few" in said


def test_the_condition_says_why_a_degenerate_model_passes_no_gate() -> None:
    gate = {"metric": "accuracy", "min": 0.3}
    spec = spec_of(tasks=[task(gate=gate)])
    bad = SCORES[0] | {"degenerate": ["it answers yes for every example"]}
    done = results(spec, *(one.name for one in planned(spec).stages), evaluation=[bad])
    assert (done.evaluation[0].value, done.evaluation[0].passed) == (0.7, False)
    words = "a gate is not passed: xnli accuracy: it answers yes for every example"
    assert summary_of(spec, done.stages, done) == Summary("Stalled", "QualityGateFailed", words)
    aspect = next(a for a in aspects_of(spec, done.stages, done) if a[0] == "QualityGatePassed")
    assert aspect == ("QualityGatePassed", "False", "Failed", words)


def test_progress_tells_of_the_stage_at_work() -> None:
    at = StageProgress(step=45, steps=100, updated_at=START)
    done = stage(name="corpus", kind="corpus", state="Done")
    running = stage(state="Running", progress=at)
    queued = stage(name="finetune-x-0", kind="finetune", state="Queued")
    waiting = stage(name="graft", kind="graft")
    assert progress_text([], BUSY) == ""
    assert progress_text([done, running, waiting], BUSY) == "1/3 embed 45%"
    assert progress_text([done, queued, running], BUSY) == "1/3 embed 45%"
    assert progress_text([done, queued, waiting], BUSY) == "1/3 finetune-x-0 Queued"
    assert progress_text([done, stage(state="Retrying")], BUSY) == "1/2 embed Retrying"
    unknown = stage(state="Running", progress=at.model_copy(update={"steps": 0}))
    assert progress_text([unknown, waiting], BUSY) == "0/2 embed"
    assert progress_text([done, waiting], BUSY) == "1/2"
    assert progress_text([done, queued], Summary("Stalled", "X", "")) == "1/2"
