"""A run of a benchmark loses no earlier one's results."""

import json
from pathlib import Path

import pytest

from bench.trainer import results


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    return tmp_path / "results"


def test_what_was_measured_before_an_interruption_is_kept(folder: Path) -> None:
    write = results.begin("parallel")
    write({"cases": [1]})
    file = write({"cases": [1, 2]})
    found = json.loads(file.read_text())
    assert [*folder.iterdir()] == [file] and found["cases"] == [1, 2]
    assert found["processor"] and "torch" in found["versions"]
    results.begin("parallel")({"cases": []})
    assert len([*folder.iterdir()]) == 2 and json.loads(file.read_text()) == found


def test_the_newest_is_by_its_date_whatever_its_file_is_called(folder: Path) -> None:
    folder.mkdir()
    for name, date in (("768-old", "2026-11-25"), ("2026-11-26", "2026-11-26")):
        (folder / f"parallel-{name}.json").write_text(json.dumps({"date": date}))
    results.begin("parallel")  # and ended before it measured anything
    assert results.newest("parallel", "bench-parallel") == {"date": "2026-11-26"}
    with pytest.raises(SystemExit, match="make bench-parallel"):
        results.newest("trainer", "bench-parallel")
