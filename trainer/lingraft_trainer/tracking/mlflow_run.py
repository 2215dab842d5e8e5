"""A stage as a run in MLflow, where MLFLOW_TRACKING_URI names a server.

Everything happens in a thread: training neither waits for the server nor ends with it. mlflow reads
who and how (token, certificates, experiment) from its own environment variables; none of them is
written anywhere.
"""

import logging
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingraft_trainer.tracking.recorder import Ending, Point

URI = "MLFLOW_TRACKING_URI"
STAGE, STORE, ARTIFACT = "lingraft.stage", "lingraft.store", "lingraft.artifact"
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Seconds for one request, how often it is made again, and that nobody else is told of the run;
the environment may say otherwise."""
LAST_SECONDS: Mapping[Ending, float] = {"FINISHED": 25.0, "FAILED": 25.0, "KILLED": 5.0}
"""That a stage waits at its end for what is still on its way."""
BATCH, LEAST_BATCH, LONGEST_VALUE = 1000, 100, 500
"""Metrics and parameters in one request, and characters of a value, that every server takes."""
_WHO = re.compile(r"//[^/@\s]*@")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOf:
    """What a run is of.

    Attributes:
        name: For people: resource and stage.
        tags: That find it again.
        params: The stage's, flat.
        artifact: URI of the stage's files.
    """

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    artifact: str


def flat(params: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Parameters by dotted names, each as text."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        elif value is not None:
            found[before + name] = str(value)[:LONGEST_VALUE]
    return found


def said(error: BaseException, environment: Mapping[str, str]) -> str:
    """An error's first line, without what lets its reader in."""
    text = _WHO.sub("//", (str(error).splitlines() or [type(error).__name__])[0])
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"):
        if secret := environment.get(name):
            text = text.replace(secret, "...")
    return text[:300]


class MlflowSink:
    """Sends points from a thread of its own; what could not be sent is sent with what follows.

    Args:
        run: What it is of.
    """

    def __init__(self, run: RunOf) -> None:
        self._sender = _Sender(run)
        self._waiting: list[Point] = []
        self._ending: Ending | None = None
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def resumed(self, step: int) -> None:
        """See `Sink`: what MLflow has already is not sent again."""

    def send(self, points: Sequence[Point]) -> None:
        """See `Sink`."""
        with self._more:
            self._waiting += points
            self._more.notify()

    def close(self, ending: Ending) -> None:
        """See `Sink`: waits a little for the server."""
        with self._more:
            self._ending = ending
            self._more.notify()
        self._thread.join(LAST_SECONDS[ending])
        if self._thread.is_alive():
            self._warn("it takes too long to answer")

    def _work(self) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        # It would print the server's URI, which may hold a password.
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        # It warns of every request that is made again, and names the server.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        ending = self._send([], None)  # at once, so that a run is seen while it is at work
        while ending is None:
            with self._more:
                self._more.wait_for(lambda: self._waiting or self._ending)
                points, self._waiting = self._waiting, []
                ending = self._ending
            self._send(points, ending)

    def _send(self, points: Sequence[Point], ending: Ending | None) -> Ending | None:
        try:
            self._sender.send(points, ending)
        except Exception as error:
            self._warn(said(error, os.environ))
        return ending

    def _warn(self, why: str) -> None:
        if not self._sender.warned:
            self._sender.warned = True
            log.warning("MLflow has not got everything of this stage, which goes on: %s", why)


@dataclass
class _Sender:
    """The run in MLflow; of its thread alone."""

    run: RunOf
    warned: bool = False
    _id: str = ""
    _client: Any = None
    _seen: int = -1
    _unsent: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])

    def send(self, points: Sequence[Point], ending: Ending | None) -> None:
        if os.environ.get(URI, "").strip() == "":
            return
        try:
            from mlflow.entities import Metric
        except ImportError:
            raise RuntimeError(
                f"{URI} is set, but mlflow is not installed: pip install lingraft[mlflow]"
            ) from None
        self._unsent += [
            (point.step, Metric(name, value, int(point.at * 1000), point.step))
            for point in points
            for name, value in point.values.items()
        ]
        if not self._id:
            self._open()
        # A resumed stage measures what MLflow may have: it is the same to the last byte.
        self._unsent = [one for one in self._unsent if one[0] > self._seen]
        while self._unsent:
            part = self._unsent[:BATCH]
            self._client.log_batch(self._id, metrics=[metric for _, metric in part])
            self._unsent = self._unsent[BATCH:]
        if ending == "FINISHED":
            self._client.set_tag(self._id, ARTIFACT, self.run.artifact)
        if ending is not None:
            self._client.set_terminated(self._id, ending)

    def _open(self) -> None:
        """Go on with the run of an attempt before, or begin one."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = client = MlflowClient()
        experiment = _experiment(client)
        same = [f"tags.`{name}` = '{value}'" for name, value in self.run.tags.items()]
        wanted = " and ".join([*same, "attributes.status != 'FINISHED'"])
        found = client.search_runs([experiment], wanted, max_results=1)
        if found:
            run = found[0].info.run_id
            client.update_run(run, status="RUNNING")
            name = next(iter(found[0].data.metrics), None)
            history = client.get_metric_history(run, name) if name else []
            self._seen = max((metric.step for metric in history), default=-1)
        else:
            tags = dict(self.run.tags)
            run = client.create_run(experiment, tags=tags, run_name=self.run.name).info.run_id
            params = [Param(name, value) for name, value in self.run.params.items()]
            for start in range(0, len(params), LEAST_BATCH):
                client.log_batch(run, params=params[start : start + LEAST_BATCH])
        self._id = run


def _experiment(client: Any) -> str:
    """The experiment that mlflow's environment variables name; it is made if there is none."""
    if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return number
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
    found = client.get_experiment_by_name(name)
    return client.create_experiment(name) if found is None else found.experiment_id
