"""What a stage measures, on its way to those who show it.

Points wait until a checkpoint holds their update, or the stage ends: a run that is resumed goes on
from there, so that no update is shown twice. Nothing here ends a stage: what cannot be shown is
said once in the log, and tried again with the points that follow.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Ending = Literal["FINISHED", "FAILED", "KILLED"]
"""How a stage ended, in MLflow's words."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """What was measured after an update.

    Attributes:
        step: Updates done.
        at: Seconds since the epoch.
        values: By name, such as `train/loss`.
    """

    step: int
    at: float
    values: Mapping[str, float]


class Sink(Protocol):
    """Who shows points."""

    def resumed(self, step: int) -> None:
        """The stage goes on from so many updates; what follows is measured again."""
        ...

    def send(self, points: Sequence[Point]) -> None:
        """Show points, and those that could not be shown before."""
        ...

    def close(self, ending: Ending) -> None:
        """The stage is over; nothing follows."""
        ...


class Recorder:
    """A stage's points. Measured by the training thread, sent by the one that sends checkpoints."""

    def __init__(self, sinks: Mapping[str, Sink]) -> None:
        self._sinks = sinks
        self._points: list[Point] = []
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """Take what was measured after an update."""
        with self._lock:
            self._points.append(Point(step, time.time(), dict(values)))

    def resumed(self, step: int) -> None:
        """Forget what was measured after an update that is done again."""
        for name, sink in self._sinks.items():
            self._safely(name, lambda sink=sink: sink.resumed(step))

    def flush(self, step: int | None = None) -> None:
        """Send what was measured up to an update; by default everything."""
        with self._lock:
            ready = [one for one in self._points if step is None or one.step <= step]
            self._points = [one for one in self._points if step is not None and one.step > step]
        for name, sink in self._sinks.items():
            self._safely(name, lambda sink=sink: sink.send(ready))

    def close(self, ending: Ending) -> None:
        """Send what is left, and end."""
        self.flush()
        for name, sink in self._sinks.items():
            self._safely(name, lambda sink=sink: sink.close(ending))

    def _safely(self, name: str, show: "_Show") -> None:
        try:
            show()
        except Exception as error:
            if name not in self._said:
                self._said.add(name)
                log.warning("%s: the curves cannot be written for now: %s", name, error)


class _Show(Protocol):
    def __call__(self) -> None: ...
