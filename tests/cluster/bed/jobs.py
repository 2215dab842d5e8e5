"""A submitted Ray job as a local process, or as a thread of this one."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from tests.cluster.bed.processes import Process, start

STOP_SECONDS = 3.0
"""Ray's own: between SIGTERM and SIGKILL of a job that is stopped."""
Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "STOPPED"]


class Work(Protocol):
    """What a job does."""

    def result(self) -> tuple[bool, str] | None:
        """(succeeded, message) when it has ended."""
        ...

    def stop(self) -> None:
        """Ask it to end, and end it after `STOP_SECONDS`; returns at once."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...


class Job:
    """A job as the dashboard's API tells of it."""

    def __init__(self, submission_id: str, entrypoint: str, works: list[Work]) -> None:
        """Follow `works`: the first is the job's, any other a duplicate that nobody knows of."""
        self.submission_id, self.entrypoint, self.works = submission_id, entrypoint, works
        self.started, self.ended = time.time(), 0.0
        self.status: Status = "RUNNING"
        self.message = "Job is currently running."
        self.stopping = False
        self.lie: str | None = None
        """A message with which to say FAILED although it succeeded."""

    def poll(self) -> Status:
        """The status now; what has ended stays as it ended."""
        if self.status == "RUNNING" and (result := self.works[0].result()) is not None:
            succeeded, self.message = result
            self.ended = time.time()
            if self.stopping:
                self.status, self.message = "STOPPED", "Job was intentionally stopped."
            elif succeeded and self.lie is not None:
                self.status, self.message = "FAILED", self.lie
            else:
                self.status = "SUCCEEDED" if succeeded else "FAILED"
        return self.status

    def stop(self) -> bool:
        """Stop it; False where it had ended already."""
        if self.poll() != "RUNNING":
            return False
        self.stopping = True
        for work in self.works:
            work.stop()
        return True

    def kill(self) -> None:
        for work in self.works:
            work.kill()

    def to_json(self) -> dict[str, object]:
        """As Ray's API answers; times in milliseconds."""
        return {
            "type": "SUBMISSION",
            "submission_id": self.submission_id,
            "job_id": None,
            "entrypoint": self.entrypoint,
            "status": self.poll(),
            "message": self.message,
            "start_time": round(self.started * 1000),
            "end_time": round(self.ended * 1000) if self.ended else None,
        }


class ProcessWork:
    """The entrypoint in a shell, as Ray runs it."""

    def __init__(
        self,
        entrypoint: str,
        environment: dict[str, str],
        folder: Path,
        on_end: Callable[[], None],
    ) -> None:
        folder.mkdir(parents=True)
        self.process: Process = start(
            "entrypoint",
            ["bash", "-c", entrypoint],
            folder / "job.log",
            environment=environment,
            folder=folder,
        )

        def watch() -> None:
            self.process.popen.wait()
            on_end()

        threading.Thread(target=watch, daemon=True).start()

    def result(self) -> tuple[bool, str] | None:
        code = self.process.popen.poll()
        if code is None:
            return None
        if code == 0:
            return True, "Job finished successfully."
        return False, (
            f"Job entrypoint command failed with exit code {code}, last available logs "
            f"(truncated to 20,000 chars):\n{self.process.tail()}"
        )

    def stop(self) -> None:
        self.process.signal(signal.SIGTERM)
        late = threading.Timer(STOP_SECONDS, self.kill)
        late.daemon = True
        late.start()

    def kill(self) -> None:
        self.process.signal(signal.SIGKILL)


class ThreadWork:
    """A function in a thread: for thousands of jobs. It must end soon once `over` is set."""

    def __init__(
        self, function: Callable[[threading.Event], int], on_end: Callable[[], None]
    ) -> None:
        """`function(over)` gives an exit code."""
        self._over = threading.Event()
        self._code: int | None = None

        def run() -> None:
            try:
                self._code = function(self._over)
            except BaseException:
                self._code = 1
                raise
            finally:
                on_end()

        threading.Thread(target=run, daemon=True).start()

    def result(self) -> tuple[bool, str] | None:
        if self._code is None:
            return None
        return self._code == 0, f"exit code {self._code}"

    def stop(self) -> None:
        self._over.set()

    def kill(self) -> None:
        self._over.set()
