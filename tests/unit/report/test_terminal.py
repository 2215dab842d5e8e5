"""Results on a terminal: no score and no cost without what it must be compared with."""

from typing import Any

from lingraft.gates import GateResult
from lingraft.report.terminal import result_lines
from tests.support.specs import planned, spec_of
from tests.unit.report.test_page import EVALUATION, FLOORS, HELDOUT, PLAN, manifest


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


def test_standards_run_has_no_column_to_compare_with_itself():
    standard = planned(spec_of("Standard"))
    text = "\n".join(result_lines(standard, {}, ()))
    assert "nothing is saved" in text and "once" not in text
