"""The page: self-contained, escaped, and able to show a run that is half done."""

from html.parser import HTMLParser
from typing import Any

import pytest

from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.report.page import render
from lingraft.stage import Manifest
from tests.support.finished import HOSTILE, MINI, finished_run, manifest_of
from tests.support.specs import planned, spec_of

PLAN = planned(spec_of("MiniPost", language="fr", mini=MINI))


def manifest(name: str, metrics: dict[str, Any], plan: Plan = PLAN) -> Manifest:
    return manifest_of(plan, name, metrics)


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


class Read(HTMLParser):
    """A page's text, what it would load, its scripts and headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.outside, self.scripts = "", list[str | None](), 0
        self.sections, self._heading = list[str](), False
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._heading:
            self.sections.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [v for k, v in attrs if k in ("src", "href") and (v or "#")[:1] != "#"]
        self.scripts += tag == "script"
        self._heading = tag == "h2"

    def handle_endtag(self, tag: str) -> None:
        self._heading = False


def shown(plan: Plan = PLAN, **manifests: Manifest) -> Read:
    return Read(render("a <b>name</b>", plan, manifests))


def test_a_finished_run_shows_quality_cost_and_what_is_only_computed() -> None:
    graft = manifest("graft", {"evaluation": [EVALUATION[0] | FLOORS], "heldout": HELDOUT})
    page = shown(graft=graft, embed=manifest("embed", {}))
    assert "a <b>name</b>" in page.text
    assert "0.500 ± 0.030" in page.text
    assert "0.800 ± 0.020" in page.text
    assert "times less compute" in page.text
    assert "not a measured speed-up" in page.text
    assert "The source language is kept by the base, which is only read" in page.text
    assert "CPU <fast>" in page.text
    assert page.outside == [], "nothing is loaded from elsewhere"


def test_a_whole_run_has_its_sections_in_order_and_a_chart_for_each_phase() -> None:
    plan, manifests = finished_run()
    page = render("french", plan, manifests)
    read = Read(page)
    assert read.sections == [
        *("Quality", "What it guesses", "How sentences are cut", "Training", "Cost"),
        "Where it came from",
    ]
    assert read.text.index("Yes, it was worth it") < read.text.index("Quality")
    assert "genre: 72% of the way from its floor to" in read.text
    assert "0.310 → 0.612 ± 0.030" in read.text and "2.750 → 1.170" in read.text
    titles = ["Step 1: the mini", "Step 2: embeddings", "Step 3: the task is learned"]
    places = [read.text.index(title) for title in titles]
    assert places == sorted(places) and "(genre)" in read.text
    assert read.text.count("updates") == 3, "axes are named, seeds share a chart"
    assert read.text.count("loss, nats per token") == 2
    assert "held-out text, full model" in read.text
    assert "the two points that of held-out text through the full model" in read.text
    quality, cost = read.text.index("Quality"), read.text.index("Device-seconds")
    assert quality < read.text.index("Held-out text, bits per byte") < cost
    assert (
        "text of mini-corpusfile:///english" in read.text and read.text.count("file:///base") == 1
    )
    assert f"file:///store/{plan['graft'].stage.ref}/me/files/" in read.text
    assert page.count("<details>") == 3, "figures, settings and provenance are folded away"
    assert page == render("french", plan, manifests), "the same bytes every time"


def test_points_between_the_ends_are_a_line_that_is_no_training_loss() -> None:
    plan, manifests = finished_run()
    ends = render("french", plan, manifests)
    heldout = manifests["graft"].metrics["heldout"]
    heldout["between"] = [{"step": 40, "maskedLmLoss": 4.0, "bitsPerByte": 1.9}]
    page = render("french", plan, manifests)
    assert "stroke-dasharray" in page and "stroke-dasharray" not in ends
    text = Read(page).text
    assert "the points that of held-out text through the full model" in text
    assert "spec.embeddings.snapshots" in Read(ends).text and "the two points" not in text


def test_sentences_are_cut_before_and_after_and_a_right_guess_is_marked() -> None:
    page = render("french", *finished_run())
    text = Read(page).text
    assert "before, 8 pieces" in text and "after, 6 pieces" in text
    assert "<mark>commencement</mark>" in page
    assert "<span class='good'>commencement</span> 61%" in page
    assert "<span>the</span> 21%" in page


def test_confusion_is_shares_of_a_row() -> None:
    text = Read(render("french", *finished_run())).text
    assert "genre: which label gets which" in text and "law75%12%12%12" in text


def test_hostile_names_stay_text() -> None:
    plan, manifests = finished_run(label=HOSTILE)
    page = Read(render(HOSTILE, plan, manifests))
    assert page.outside == [] and page.scripts == 0
    assert HOSTILE in page.text


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ({}, "Yes, it was worth it"),
        ({"heldout": {"bitsPerByte": 3.0, "start": {"bitsPerByte": 2.5}}}, "In part"),
        ({"evaluation": [], "heldout": None}, "Done, and nothing was measured that could tell"),
        (
            {"evaluation": [EVALUATION[0] | FLOORS], "heldout": None},
            "No, nothing was gained",
        ),
    ],
)
def test_the_verdict_is_what_was_measured(change: dict[str, Any], headline: str) -> None:
    plan, manifests = finished_run()
    metrics = manifests["graft"].metrics | change
    assert headline in shown(plan, graft=manifest("graft", metrics, plan)).text


def test_a_gate_that_failed_is_the_verdict() -> None:
    plan, manifests = finished_run()
    gate = GateResult("genre", "accuracy", 0.8, 0.612)
    text = Read(render("french", plan, manifests, [gate])).text
    assert "No: a quality gate failed" in text and "genre: 0.612 < 0.800." in text


def test_a_score_stands_beside_its_floor_majority_and_labels() -> None:
    graft = manifest("graft", {"evaluation": [EVALUATION[0] | FLOORS], "heldout": HELDOUT})
    text = shown(graft=graft).text
    assert "floor (untouched)majority" in text and "0.500 ± 0.0300.4900.253" in text
    assert "right: <law> 3; given: <law> 3" in text
    assert "1.900 (before step 2 3.250, untouched base 2.750)" in text
    assert "1.23%" in text
    assert "Warning: genre: accuracy 0.500 is no better than the untouched source model" in text


def test_a_cost_stands_beside_standards_and_when_it_pays() -> None:
    text = shown().text
    assert "once for the base: step 1b" in text
    assert "this language in all" in text
    assert "the one-time costs pay after 2 languages" in text


def test_a_manifest_without_floors_is_shown_too() -> None:
    text = shown(graft=manifest("graft", {"evaluation": EVALUATION, "heldout": None})).text
    assert "0.500 ± 0.030--0.800 ± 0.020" in text
    assert "Warning" not in text


SAMPLES = {
    "settings": {"maxNewTokens": 8, "seed": 1, "sampled": {"temperature": 0.8, "topP": 0.95}},
    "prompts": [
        {
            "prompt": "Le <b>",
            "untouched": {"greedy": " the\n end", "sampled": "\x1b[31m"},
            "grafted": {"greedy": " chat dort", "sampled": " mot"},
        }
    ],
}


def test_of_scores_nothing_is_said_where_there_are_no_tasks() -> None:
    text = shown(graft=manifest("graft", {"heldout": HELDOUT})).text
    assert "Nothing yet" not in text and "standard error" not in text
    assert "Nothing yet" in shown().text


def test_what_it_writes_stands_there_as_it_is() -> None:
    text = shown(graft=manifest("graft", {"samples": SAMPLES})).text
    assert "What it writes" in text and "prompthowuntouched basegraft" in text
    assert "Le <b>greedy the\n end chat dort" in text and "Le <b>sampled" in text
    assert "sampled with seed 1, temperature 0.8 and top-p 0.95." in text
    assert "What it writes" not in shown(graft=manifest("graft", {})).text


def test_a_run_that_has_only_begun() -> None:
    corpus = manifest("corpus", {"tokenizer": {"unknownRate": 0.01}, "warnings": ["wrong script"]})
    text = shown(corpus=corpus).text
    assert "Not known yet" in text and "1 of 5 stages are done." in text
    assert "wrong script" in text
    assert "pieces that are unknown1.00%fair" in text
