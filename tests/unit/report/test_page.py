"""The page: self-contained, escaped, and able to show a run that is half done."""

from html.parser import HTMLParser

from lingraft.report.curves import curve
from lingraft.report.page import render
from lingraft.stage import Compute, Manifest, Stage


def manifest(kind, metrics, params=None):
    return Manifest(
        stage=Stage(kind=kind, params=params or {}, inputs={}),
        holder="me",
        files=(),
        metrics=metrics,
        compute=Compute(device_seconds=12.0),
        environment={"device": "CPU <fast>", "precision": "bf16"},
        created_at="2026-01-01T00:00:00Z",
    )


EVALUATION = [
    {
        "task": "genre",
        "metrics": {"accuracy": {"mean": 0.5, "stderr": 0.03, "perSeed": [0.5]}},
        "sourceMetrics": {"accuracy": {"mean": 0.8, "stderr": 0.02, "perSeed": [0.8]}},
    }
]
COST = {
    "embedFlops": 1e12,
    "standardFlops": 2.5e12,
    "savedPerStep": 2.5,
    "oneTimeFlops": 0.0,
    "measuredDeviceSeconds": 40.0,
}


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.outside = "", []

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.outside += [v for k, v in attrs if k in ("src", "href")]


def test_a_finished_run_shows_quality_cost_and_what_is_only_computed():
    page = Balanced()
    graft = manifest(
        "graft",
        {"evaluation": EVALUATION, "compute": COST, "heldout": {"bitsPerByte": 1.9}},
        {"language": "fr", "method": "MiniJoint"},
    )
    page.feed(render("a <b>name</b>", {"graft": graft}))
    assert "a <b>name</b>" in page.text
    assert "0.500 ± 0.030" in page.text
    assert "0.800 ± 0.020" in page.text
    assert "2.50 times less compute" in page.text
    assert "not a measured speed-up" in page.text
    assert "CPU <fast>" in page.text
    assert page.outside == [], "nothing is loaded from elsewhere"


def test_a_run_that_has_only_begun():
    corpus = manifest("corpus", {"tokenizer": {"unknownRate": 0.01}, "warnings": ["wrong script"]})
    text = render("x", {"corpus": corpus})
    assert "1 stages are done" in text
    assert "wrong script" in text
    assert "0.01" in text


def test_a_curve_goes_down_when_the_loss_does():
    svg = curve("loss", [(1, 5.0), (10, 3.0), (20, 2.0)])
    points = svg.split('points="')[1].split('"')[0].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert heights == sorted(heights), "SVG's y grows downwards"
    assert curve("loss", [(1, 5.0)]) == ""
