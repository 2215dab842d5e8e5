"""MLflow gets a stage as one run, whatever happens to the stage; and a stage never waits for it."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft.stage import Stage, StageSpec
from lingraft_trainer.tracking import mlflow_run
from lingraft_trainer.tracking.mlflow_run import MlflowSink, RunOf, flat, said
from lingraft_trainer.tracking.recorder import Point, Recorder
from lingraft_trainer.tracking.stage import run_of
from tests.cluster.bed.processes import wait_until

TOKEN = "s3cr3t-t0ken"
PARAMS = {"method": "MiniPost", "training": {"steps": 10, "learningRate": 2e-3}, "snapshots": None}
SPEC = StageSpec(
    stage=Stage(kind="embed", params=PARAMS, inputs={}), store="s3://lingraft/", holder="embed-1"
)
RUN = run_of(SPEC, "swahili/embed")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As it was: mlflow's own variables are set while it works."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of mlflow's own store in a folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "languages")
    from mlflow import MlflowClient

    return MlflowClient()


def points(*steps: int) -> list[Point]:
    return [Point(step, 1e9 + step, {"train/loss": 1 / step}) for step in steps]


def runs(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name("languages").experiment_id
    return list(client.search_runs([experiment]))


def test_a_stage_is_a_run_with_its_name_params_curves_and_artifact(
    client: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    sink = MlflowSink(RUN)
    sink.send(points(1, 2, 3))
    sink.close("FINISHED")
    (run,) = runs(client)
    assert (run.info.run_name, run.info.status) == ("swahili/embed", "FINISHED")
    assert run.data.params == {
        "kind": "embed",
        "method": "MiniPost",
        "training.steps": "10",
        "training.learningRate": "0.002",
    }
    ref = SPEC.stage.ref
    assert run.data.tags["lingraft.stage"] == ref
    assert run.data.tags["lingraft.artifact"] == f"s3://lingraft/{ref}/embed-1/files/"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(one.step, one.value) for one in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert "".join(capfd.readouterr()) == "", "mlflow prints the server, with what lets one in"


def test_a_resumed_stage_goes_on_with_its_run(client: Any) -> None:
    first = MlflowSink(RUN)
    first.send(points(1, 2, 3))
    first.close("KILLED")
    assert [run.info.status for run in runs(client)] == ["KILLED"]
    second = MlflowSink(RUN)
    second.send(points(2, 3, 4))
    second.close("FINISHED")
    (run,) = runs(client)
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [one.step for one in history] == [1, 2, 3, 4]
    third = MlflowSink(RUN)  # the store was emptied, and the stage is computed anew
    third.close("FINISHED")
    assert len(runs(client)) == 2


def test_thousands_of_points_are_sent_in_parts(client: Any) -> None:
    sink = MlflowSink(RUN)
    sink.send(points(*range(1, 2502)))
    sink.close("FINISHED")
    (run,) = runs(client)
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2501


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("server", ["dead", "silent"])
def test_a_server_that_is_away_costs_a_stage_one_warning(
    server: str,
    silent: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    port = closed_port() if server == "dead" else silent
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{TOKEN}@127.0.0.1:{port}/")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setitem(mlflow_run.SETTINGS, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(mlflow_run, "LAST_SECONDS", {"FINISHED": 4.0})
    caplog.set_level(logging.DEBUG)
    recorder = Recorder({"MLflow": MlflowSink(RUN)})
    began = time.monotonic()
    for step in (1, 2):
        recorder.measured(step, {"train/loss": 1.0})
        recorder.flush(step)
    assert time.monotonic() - began < 2, "training waits for no server"
    recorder.close("FINISHED")
    assert time.monotonic() - began < 30
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.name for one in warnings] == [mlflow_run.__name__]
    assert TOKEN not in caplog.text + "".join(capfd.readouterr())
    assert "127.0.0.1" in warnings[0].getMessage()


def test_what_it_gets_late_is_whole(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").rename(tmp_path / "away")
    (tmp_path / "runs").write_text("a store that is broken")
    sink = MlflowSink(RUN)
    sink.send(points(1))
    wait_until(lambda: sink._sender.warned, "the store is found broken", seconds=30)
    (tmp_path / "runs").unlink()
    (tmp_path / "away").rename(tmp_path / "runs")
    sink.send(points(2))
    sink.close("FINISHED")
    (run,) = runs(client)
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [one.step for one in history] == [1, 2]


def test_no_sentence_holds_a_secret() -> None:
    error = RuntimeError(f"http://me:{TOKEN}@host:5000/x failed; token {TOKEN}\nmore")
    found = said(error, {"MLFLOW_TRACKING_TOKEN": TOKEN})
    assert found == "http://host:5000/x failed; token ..."


def test_params_are_flat_text() -> None:
    assert flat({"a": {"b": 1, "c": None}, "d": [1, 2]}) == {"a.b": "1", "d": "[1, 2]"}
    assert len(flat({"long": "x" * 9000})["long"]) == 500


def test_a_stage_without_a_name_is_called_by_its_digest() -> None:
    assert run_of(SPEC, "").name == f"embed-{SPEC.stage.digest[:12]}"
    assert isinstance(RUN, RunOf) and TOKEN not in repr(RUN)
