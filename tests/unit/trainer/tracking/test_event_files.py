"""TensorBoard's files: one curve over all attempts, beside the manifest, without a host's name."""

import logging
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from lingraft.stage import Stage
from lingraft.store.events import EventFiles
from lingraft.store.file import FileStore
from lingraft_trainer.tracking.event_files import EventFileSink, encoded
from lingraft_trainer.tracking.recorder import Point, Recorder
from tests.support.event_files import curves_below, events_of

STAGE = Stage(kind="embed", params={}, inputs={})


def attempt(folder: Path) -> Recorder:
    return Recorder({"TensorBoard": EventFileSink(EventFiles(FileStore(folder), STAGE))})


def train(recorder: Recorder, first: int, last: int) -> None:
    for step in range(first, last + 1):
        recorder.measured(step, {"train/loss": 1 / step})


def test_events_are_those_that_were_measured() -> None:
    points = [Point(3, 1e9 + 0.5, {"a": 0.25, "b/c": -1.0}), Point(4, 1e9 + 1, {"a": 0.5})]
    version, *events = events_of(encoded(points))
    assert version.file_version == "brain.Event:2"
    found = [
        (e.step, e.wall_time, {v.tag: v.simple_value for v in e.summary.value}) for e in events
    ]
    assert found == [(one.step, one.at, dict(one.values)) for one in points]
    assert socket.gethostname().encode() not in encoded(points)


def test_attempts_make_one_curve_without_a_point_twice(tmp_path: Path) -> None:
    first = attempt(tmp_path)
    first.resumed(0)
    train(first, 1, 8)
    first.flush(5)  # a checkpoint, while training goes on; the process is killed
    second = attempt(tmp_path)
    second.resumed(5)
    train(second, 6, 9)
    second.close("FAILED")  # after the checkpoint of update 5, which the third goes on from
    third = attempt(tmp_path)
    third.resumed(5)
    assert [step for step, _ in curves_below(tmp_path)["train/loss"]] == [1, 2, 3, 4, 5]
    train(third, 6, 10)
    third.flush(10)
    third.measured(10, {"heldout/loss": 2.0})
    third.close("FINISHED")
    found = curves_below(tmp_path)
    assert found["train/loss"] == [(n, pytest.approx(1 / n)) for n in range(1, 11)]
    assert found["heldout/loss"] == [(10, 2.0)]
    (file,) = tmp_path.rglob("*tfevents*")
    assert file.parent == tmp_path / STAGE.ref
    assert socket.gethostname() not in file.name


def test_a_file_is_only_added_to_what_a_reader_has_read(tmp_path: Path) -> None:
    recorder = attempt(tmp_path)
    names: list[list[str]] = []
    for step in range(1, 5):
        train(recorder, step, step)
        recorder.flush(step)
        names.append(sorted(file.name for file in tmp_path.rglob("*tfevents*")))
    assert all(later[: len(sooner)] == sooner for sooner, later in pairwise(names))


def test_a_store_that_is_away_costs_no_point_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = attempt(tmp_path / "store")
    (tmp_path / "store").write_text("no folder")
    for step in (1, 2):
        train(recorder, step, step)
        recorder.flush(step)
    assert len(caplog.records) == 1 and caplog.records[0].levelno == logging.WARNING
    (tmp_path / "store").unlink()
    train(recorder, 3, 3)
    recorder.close("FINISHED")
    assert [step for step, _ in curves_below(tmp_path)["train/loss"]] == [1, 2, 3]
