"""The Bible demo's baselines, on passages whose genre is plain from their words."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "bible"))

import baselines

WORDS = {
    "en": {"law": "statute offering", "history": "king battle"},
    "xx": {"law": "tanu", "history": "moru"},
}


def write(data: Path, language: str, fold: str, counts: dict[str, int]) -> None:
    path = data / "genre" / f"{language}-{fold}.jsonl"
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"text": f"{WORDS[language][label]} {i}", "label": label, "group": f"{label}:{i // 4}"}
        for label, count in counts.items()
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_each_baseline_sees_only_the_labels_it_may(tmp_path: Path):
    write(tmp_path, "en", "train", {"law": 40, "history": 24})
    write(tmp_path, "en", "test", {"law": 6, "history": 10})
    # Were the target's labels counted, history would be the majority.
    write(tmp_path, "xx", "train", {"law": 20, "history": 44})
    write(tmp_path, "xx", "test", {"law": 4, "history": 12})
    scores = baselines.baselines(tmp_path, ["xx"])
    assert scores["en"]["english"] == {"accuracy": 1.0, "stderr": 0.0}
    assert scores["en"]["majority"]["accuracy"] == 0.375
    assert scores["xx"]["ceiling"]["accuracy"] == 1.0
    assert scores["xx"]["majority"]["accuracy"] == 0.25
    # No word in common: the floor can do no better than the majority.
    assert scores["xx"]["floor"] == pytest.approx(scores["xx"]["majority"])
    # Four groups of four, one right: sqrt(.25 * .75 / 4).
    assert scores["xx"]["floor"]["stderr"] == pytest.approx(0.2165, rel=0.1)
