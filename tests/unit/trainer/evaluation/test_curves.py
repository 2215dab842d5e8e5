"""What a graft scores, against the updates of step 2."""

from typing import Any

from lingraft_trainer.evaluation.curves import curves, updates_of
from tests.support.families import embed_manifest


def score(value: float) -> dict[str, float]:
    return {"maskedLmLoss": value, "bitsPerByte": 2 * value, "unknownRate": 0.0}


def task(untouched: float | None) -> dict[str, Any]:
    floor = None if untouched is None else {"mean": untouched}
    floors = {"accuracy": {"majority": 0.5, "untouched": floor}}
    return {"task": "topic", "metrics": {"accuracy": {"mean": 0.75}}, "floors": floors}


def test_the_start_stands_at_no_update_and_the_end_at_the_last() -> None:
    heldout = score(1.0) | {"start": score(3.0), "untouched": score(2.0)}
    start, end = curves(heldout, [task(0.25)], 20)
    assert start == (0, {"heldout/loss": 3.0, "heldout/bitsPerByte": 6.0})
    assert end == (
        20,
        {
            "heldout/loss": 1.0,
            "heldout/bitsPerByte": 2.0,
            "heldout/bitsPerByte/untouched": 4.0,
            "topic/accuracy": 0.75,
            "topic/accuracy/untouched": 0.25,
        },
    )


def test_what_was_scored_between_stands_at_its_updates() -> None:
    heldout = score(1.0) | {"start": score(3.0), "untouched": None}
    heldout["between"] = [{"step": 7} | score(2.0)]
    found = curves(heldout, [], 20)
    assert [step for step, _ in found] == [0, 7, 20]
    assert found[1][1] == {"heldout/loss": 2.0, "heldout/bitsPerByte": 4.0}


def test_what_was_not_scored_is_no_point() -> None:
    assert curves(None, [], 20) == []
    assert curves(None, [task(None)], 20) == [(20, {"topic/accuracy": 0.75})]
    bare = score(1.0) | {"start": None, "untouched": None}
    assert [step for step, _ in curves(bare, [], 20)] == [20]


def test_the_updates_are_those_of_step_2() -> None:
    assert updates_of(embed_manifest()) == 20
