"""A whole replication in seconds: two methods, two seeds, their curves, the report, the cache."""

import csv
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from bench.replication import floors
from bench.replication.preset import Preset, Run
from bench.replication.rates import judge, searched
from bench.replication.report import write_report
from bench.replication.runs import done_of, execute, measured, planned
from bench.replication.stages import cost_lines
from lingraft.errors import LingraftError
from lingraft.planning import plan_resource
from lingraft.store.uri import parse_uri
from tests.support.world import resource_of, write_world

METHODS = {"standard": "Standard", "minijoint": "MiniJoint"}
pytestmark = pytest.mark.ray


@pytest.fixture
def preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preset:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(floors, "FLOORS", tmp_path / "floors")
    texts = write_world(tmp_path / "texts").as_uri() + "/"
    resource = resource_of("Standard", texts, (tmp_path / "store").as_uri() + "/")
    spec = resource.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tasks = spec.pop("tasks")
    tasks[0]["seeds"] = 2
    arms = {name: {"method": METHODS[name], "mini": {"layers": 2}} for name in METHODS}
    return Preset(
        name="tiny",
        about="Tiny.",
        languages=["fr"],
        seeds=2,
        snapshots=3,
        learning_rates=[5e-3],
        reference="standard",
        arms=arms,
        tasks=tasks,
        spec=spec,
    )


def runs_of(preset: Preset) -> list[Run]:
    return [preset.run(arm, "fr", seed, 5e-3) for arm in preset.arms for seed in range(2)]


def test_curves_report_and_cache(preset: Preset, tmp_path: Path) -> None:
    runs = runs_of(preset)
    plans = {run.label: planned(preset, run) for run in runs}
    assert measured(preset, runs) == []
    execute(plans, jobs=2, precision="fp32")
    found = measured(preset, runs)

    assert found[0].steps == [0, 6, 8, 12]
    for one in found:
        assert one.scores["topic"].shape == (4, 2, 16)
        assert one.flops[0] == 0 and (one.flops[1:] > one.flops[:-1]).all()
        assert one.seconds[0] == 0 and (one.seconds[1:] >= one.seconds[:-1]).all()
        assert one.bits[-1] < one.bits[0], "training does not show in the full model's loss"
        assert one.unlabelled["pairs"].shape == (4,) and set(one.source) == {"topic"}
    standard, joint = found[0], found[2]
    assert standard.flops[-1] > joint.flops[-1]
    assert standard.once == joint.once > 0, "they stand on one base, with its second head"

    # Nothing is left to run: the cost says so.
    assert (
        "to spend: 0.00e+00 FLOPs" in cost_lines([*plans.values()], done_of([*plans.values()]))[-1]
    )

    # A search on the way to it reads the held-out loss of the same step 2.
    grid = preset.model_copy(update={"learning_rates": [5e-3, 1e-2], "search_language": "fr"})
    search = searched(grid, ["standard"])[:1]
    plan = plan_resource(search[0].resource)
    assert plan["embed"].stage == plans[runs[0].label]["embed"].stage, "it trains what a run trains"
    execute({"search": plan}, jobs=1, precision="fp32")
    judged = judge(search)
    assert judged == {("standard", 5e-3): pytest.approx(standard.bits[-1])}

    write_report(preset, found, judged, tmp_path / "report")
    names = {file.name for file in (tmp_path / "report").iterdir()}
    tables = {"curves.csv", "speedups.csv", "scores.csv", "stages.csv"}
    assert {"report.md", "report.html", *tables} <= names
    text = (tmp_path / "report" / "report.md").read_text()
    assert "fr, topic" in text and "fr, held-out text" in text
    stages = (tmp_path / "report" / "stages.csv").read_text()
    assert standard.manifests["embed"].stage.digest in stages
    assert "<svg" in (tmp_path / "report" / "report.html").read_text()
    with (tmp_path / "report" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    # Four runs of four snapshots: topic by two fine-tunings, and parallel sentences.
    assert len(rows) == 4 * 4 * (2 + 1)
    assert not multiprocessing.active_children()


def test_a_failed_stage_ends_the_rest_and_is_named(preset: Preset) -> None:
    run = preset.run("standard", "fr", 0, 5e-3)
    plan = planned(preset, run)
    Path(str(parse_uri(run.resource.spec.tasks[0].test))).write_text("not json\n")
    with pytest.raises(LingraftError, match="standard"):
        execute({run.label: plan}, jobs=2, precision="fp32")


def test_an_interrupted_replication_goes_on_where_it_was(preset: Preset, tmp_path: Path) -> None:
    run = preset.run("standard", "fr", 0, 5e-3)
    plan = planned(preset, run)
    over = threading.Event()

    def interrupt_after_the_first_stage() -> None:
        while not over.wait(0.05) and not done_of([plan]):
            pass
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_after_the_first_stage)
    # A shell's background job ignores Ctrl-C, and Python with it.
    before_it = signal.signal(signal.SIGINT, signal.default_int_handler)
    watcher.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            execute({run.label: plan}, jobs=2, precision="fp32")
    finally:
        over.set()
        watcher.join()
        signal.signal(signal.SIGINT, before_it)
    assert not multiprocessing.active_children()
    before = done_of([plan])
    assert 0 < len(before) < len(plan.stages)

    execute({run.label: plan}, jobs=2, precision="fp32")
    after = done_of([plan])
    assert len(after) == len(plan.stages)
    assert {ref: after[ref].holder for ref in before} == {r: m.holder for r, m in before.items()}
