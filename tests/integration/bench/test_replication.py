"""A whole replication in seconds: two methods, two seeds, their curves, the report, the cache."""

import csv
from pathlib import Path

import pytest

from bench.replication import floors
from bench.replication.__main__ import done_of, execute, planned
from bench.replication.preset import Preset, Run
from bench.replication.report import write_report
from bench.replication.stages import cost_lines
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
    measured = execute(preset, runs_of(preset), threads=1)

    assert measured[0].steps == [0, 6, 8, 12]
    for one in measured:
        assert one.correct["topic"].shape == (4, 2, 16)
        assert one.flops[0] == 0 and (one.flops[1:] > one.flops[:-1]).all()
        assert one.seconds[0] == 0 and (one.seconds[1:] >= one.seconds[:-1]).all()
        assert one.bits[-1] < one.bits[0], "training does not show in the full model's loss"
        assert one.unlabelled["pairs"].shape == (4,) and set(one.source) == {"topic"}
    standard, joint = measured[0], measured[2]
    assert standard.flops[-1] > joint.flops[-1]
    assert standard.once == 0 < joint.once

    # Nothing is left to run: the cost says so, and the same runs give the same curves.
    plans = [planned(preset, run) for run in runs_of(preset)]
    assert "to spend: 0.00e+00 FLOPs" in cost_lines(plans, done_of(plans))[-1]
    again = execute(preset, runs_of(preset), threads=1)
    assert [one.correct["topic"].tolist() for one in again] == [
        one.correct["topic"].tolist() for one in measured
    ]

    write_report(preset, measured, tmp_path / "report")
    names = {file.name for file in (tmp_path / "report").iterdir()}
    assert {"report.md", "report.html", "curves.csv", "speedups.csv"} <= names
    text = (tmp_path / "report" / "report.md").read_text()
    assert "fr, topic" in text and measured[0].manifests["embed"].stage.digest[:16] in text
    assert "<svg" in (tmp_path / "report" / "report.html").read_text()
    with (tmp_path / "report" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    # Four runs of four snapshots: two fine-tunings of the topic, and the parallel sentences.
    assert len(rows) == 4 * 4 * 3
