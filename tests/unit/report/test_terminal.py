"""Results on a terminal: no score and no cost without what it must be compared with."""

from typing import Any

import pytest

from lingraft.gates import GateResult
from lingraft.report.page import render
from lingraft.report.terminal import result_lines
from tests.support.finished import MINI, finished_run
from tests.support.specs import planned, spec_of
from tests.unit.report.test_page import EVALUATION, FLOORS, HELDOUT, PLAN, SAMPLES, Read, manifest


def lines(metrics: dict[str, Any], *gates: GateResult) -> list[str]:
    done = {"graft": manifest("graft", metrics), "mini": manifest("mini", {})}
    return list(result_lines(PLAN, done, gates))


def test_scores_stand_beside_floor_majority_and_source():
    found = lines({"evaluation": [EVALUATION[0] | FLOORS], "heldout": HELDOUT})
    head, row = (line.split("   ") for line in found[:2])
    titles = ["TASK", "METRIC", "NEW LANGUAGE", "FLOOR (UNTOUCHED)", "MAJORITY", "SOURCE LANGUAGE"]
    assert [cell.strip() for cell in head if cell.strip()] == titles
    assert [cell.strip() for cell in row if cell.strip()] == [
        *("genre", "accuracy", "0.500 ± 0.030", "0.490", "0.253", "0.800 ± 0.020"),
    ]
    text = "\n".join(found)
    assert "labels of genre: right: <law> 3; given: <law> 3" in text
    assert "bits per byte: 1.900 (before step 2 3.250, untouched base 2.750)" in text
    assert (
        "source language: kept by the base, which is only read; the graft reads fr alone" in found
    )
    assert "warning: genre: accuracy 0.500 is no better than the untouched source model" in text


def test_costs_are_totals_beside_standards():
    text = "\n".join(lines({}))
    assert "once for the base: step 1b" in text
    assert "the one-time costs pay after 2 languages with as much text as this one" in text
    assert "once for the base, device-seconds (measured): 12" in text
    assert "speed-up" in text and "x (computed, not a measured speed-up)" in text


def test_a_gate_that_fails_a_degenerate_model_says_why():
    gate = GateResult("genre", "accuracy", 0.3, 0.45, ("it answers law for every example",))
    assert (
        "gate genre: accuracy 0.450, at least 0.300: FAILED, it answers law for every example"
        in lines({}, gate)
    )


PUBLISHED = {"uri": "s3://models/fr/", "as": "pack", "published": True, "reason": ""}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"version": "3f2a91bc04de", "since": "2026-01-02T03:04:05.6+00:00"},
            "published: version 3f2a91bc04de at s3://models/fr/ (2026-01-02T03:04Z)",
        ),
        (
            {"published": False, "reason": "the gate of genre is missed: <0.4>"},
            "not published: the gate of genre is missed: <0.4>",
        ),
    ],
)
def test_it_is_said_what_was_published_or_why_nothing_was(found: dict[str, Any], said: str) -> None:
    publish = {"uri": "s3://models/fr/"}
    plan = planned(spec_of("MiniPost", language="fr", mini=MINI, publish=publish))
    done = {"graft": manifest("graft", {}, plan)}
    silent = list(result_lines(plan, done, ()))
    assert not any("published" in line for line in silent)
    done["publish"] = manifest("publish", PUBLISHED | found, plan)
    lines = list(result_lines(plan, done, ()))
    assert said in lines and len(lines) == len(silent) + 1
    text = Read(render("french", plan, done)).text
    assert said[0].upper() + said[1:] in text


def test_standards_run_has_no_column_to_compare_with_itself():
    standard = planned(spec_of("Standard"))
    text = "\n".join(result_lines(standard, {}, ()))
    assert "nothing is saved" in text and "once" not in text


def test_what_was_written_is_on_lines_of_its_own_that_no_terminal_obeys():
    found = lines({"samples": SAMPLES})
    at = found.index("prompt: Le <b>")
    assert found[at + 1 : at + 5] == [
        "  untouched base, greedy:  the  end",
        "  graft, greedy:  chat dort",
        "  untouched base, sampled:  [31m",
        "  graft, sampled:  mot",
    ]


def test_guesses_and_the_verdict_are_said() -> None:
    found = list(result_lines(*finished_run(label="\x1b[31mlaw"), ()))
    at = found.index("guess: Au [commencement],  [31mlaw créa les cieux et la terre.")
    assert found[at + 1 : at + 3] == [
        "  untouched base: the 21%,  [31mlaw 4%",
        "  graft: commencement 61%, jour 10%",
    ]
    assert found[-2] == "worth it? Yes, it was worth it"
    assert found[-1].startswith("artifact: file:///store/graft/")
