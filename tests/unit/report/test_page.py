"""The page: self-contained, escaped, and able to show a run that is half done."""

from html.parser import HTMLParser
from typing import Any

from lingraft.plan import Plan
from lingraft.report.curves import curve
from lingraft.report.page import render
from lingraft.stage import Compute, Manifest
from tests.support.specs import planned, spec_of

MINI = {"text": {"uri": "file:///english"}, "steps": 10_000}
PLAN = planned(spec_of("MiniPost", language="fr", mini=MINI))


def manifest(name: str, metrics: dict[str, Any], plan: Plan = PLAN) -> Manifest:
    return Manifest(
        stage=plan[name].stage,
        holder="me",
        files=(),
        metrics=metrics,
        compute=Compute(device_seconds=12.0),
        environment={"device": "CPU <fast>", "precision": "bf16"},
        created_at="2026-01-01T00:00:00Z",
    )


EVALUATION: list[dict[str, Any]] = [
    {
        "task": "genre",
        "metrics": {"accuracy": {"mean": 0.5, "stderr": 0.03, "perSeed": [0.5]}},
        "sourceMetrics": {"accuracy": {"mean": 0.8, "stderr": 0.02, "perSeed": [0.8]}},
    }
]
FLOORS = {
    "floors": {"accuracy": {"majority": 0.253, "untouched": {"mean": 0.49, "perSeed": [0.49]}}},
    "labels": {"gold": {"<law>": 3}, "train": None, "predicted": {"<law>": 3}},
}
HELDOUT = {
    "bitsPerByte": 1.9,
    "unknownRate": 0.0123,
    "start": {"bitsPerByte": 3.25},
    "untouched": {"bitsPerByte": 2.75},
}


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.outside = "", []

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.outside += [v for k, v in attrs if k in ("src", "href")]


def shown(plan: Plan = PLAN, **manifests: Manifest) -> Balanced:
    page = Balanced()
    page.feed(render("a <b>name</b>", plan, manifests))
    return page


def test_a_finished_run_shows_quality_cost_and_what_is_only_computed():
    graft = manifest("graft", {"evaluation": [EVALUATION[0] | FLOORS], "heldout": HELDOUT})
    page = shown(graft=graft, embed=manifest("embed", {}))
    assert "a <b>name</b>" in page.text
    assert "0.500 ± 0.030" in page.text
    assert "0.800 ± 0.020" in page.text
    assert "times less compute" in page.text
    assert "not a measured speed-up" in page.text
    assert "CPU <fast>" in page.text
    assert page.outside == [], "nothing is loaded from elsewhere"


def test_a_score_stands_beside_its_floor_majority_and_labels():
    graft = manifest("graft", {"evaluation": [EVALUATION[0] | FLOORS], "heldout": HELDOUT})
    text = shown(graft=graft).text
    assert "floor (untouched)majority" in text and "0.500 ± 0.0300.4900.253" in text
    assert "right: <law> 3; given: <law> 3" in text
    assert "1.900 (before step 2 3.250, untouched base 2.750)" in text
    assert "1.23%" in text
    assert "Warning: genre: accuracy 0.500 is no better than the untouched source model" in text


def test_a_cost_stands_beside_standards_and_when_it_pays():
    text = shown().text
    assert "once for the base: step 1b" in text
    assert "this language in all" in text
    assert "the one-time costs pay after 2 languages" in text


def test_a_manifest_without_floors_is_shown_too():
    text = shown(graft=manifest("graft", {"evaluation": EVALUATION, "heldout": None})).text
    assert "0.500 ± 0.030--0.800 ± 0.020" in text
    assert "Warning" not in text


def test_a_run_that_has_only_begun():
    corpus = manifest("corpus", {"tokenizer": {"unknownRate": 0.01}, "warnings": ["wrong script"]})
    text = shown(corpus=corpus).text
    assert "1 stages are done" in text
    assert "wrong script" in text
    assert "0.01" in text


def test_a_curve_goes_down_when_the_loss_does():
    svg = curve("loss", [(1, 5.0), (10, 3.0), (20, 2.0)])
    points = svg.split('points="')[1].split('"')[0].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert heights == sorted(heights), "SVG's y grows downwards"
    assert curve("loss", [(1, 5.0)]) == ""
