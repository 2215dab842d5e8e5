"""Points as TensorBoard's event files, written by tensorboardX, which comes with Ray Train."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lingraft.store.events import EventFiles
from lingraft_trainer.tracking.recorder import Ending, Point


class EventFileSink:
    """Writes a file for every checkpoint; of a stage that is done, one.

    Args:
        files: The stage's.
    """

    def __init__(self, files: EventFiles) -> None:
        self._files = files
        self._waiting: list[Point] = []
        self._last = 0

    def resumed(self, step: int) -> None:
        """See `Sink`."""
        self._files.drop_after(step)
        self._last = step

    def send(self, points: Sequence[Point]) -> None:
        """See `Sink`."""
        self._waiting += points
        if not self._waiting:
            return
        # What follows the last checkpoint has a number beyond it: without a manifest it goes.
        number = max(self._waiting[-1].step, self._last + 1)
        self._files.add(number, encoded(self._waiting))
        self._waiting, self._last = [], number

    def close(self, ending: Ending) -> None:
        """See `Sink`."""
        if ending == "FINISHED":
            self._files.merge()


def encoded(points: Sequence[Point]) -> bytes:
    """An event file's bytes; the host's name is in none of them."""
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto import event_pb2, summary_pb2

    event: Any = event_pb2  # protobuf makes its classes when they are imported
    kind: Any = summary_pb2
    with tempfile.TemporaryDirectory() as folder:
        writer = EventsWriter(f"{folder}/events")
        for point in points:
            made = kind.Summary.Value
            values = [made(tag=name, simple_value=one) for name, one in point.values.items()]
            summary = kind.Summary(value=values)
            writer.write_event(event.Event(wall_time=point.at, step=point.step, summary=summary))
        writer.close()
        (file,) = Path(folder).iterdir()
        return file.read_bytes()
