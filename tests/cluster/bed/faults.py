"""What the stand-in dashboard does wrong, on demand."""

import threading
import time
from dataclasses import dataclass
from typing import Literal

Kind = Literal["lost", "error", "timeout", "duplicate", "lie"]
TIMEOUT_SECONDS = 4.0
"""Twice as long as KubeRay waits for an answer."""


@dataclass
class Fault:
    """One fault: for a while (until `ends`), or for so many submissions (`left`)."""

    kind: Kind
    namespace: str
    rayjob: str
    ends: float
    left: int
    message: str = ""

    def concerns(self, kind: Kind, namespace: str, rayjob: str) -> bool:
        return (
            self.kind == kind
            and self.namespace in ("", namespace)
            and rayjob.startswith(self.rayjob)
            and self.left > 0
            and time.monotonic() < self.ends
        )


class Faults:
    """The faults in force. `namespace` and `rayjob` (the start of a name) narrow each down."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.delay = 0.0
        """Seconds by which every answer is late."""

    def lost(self, seconds: float, *, namespace: str = "", rayjob: str = "") -> None:
        """404 to every question: KubeRay submits again, which is refused if the job is there."""
        self._add(Fault("lost", namespace, rayjob, time.monotonic() + seconds, 1 << 30))

    def error(self, seconds: float, *, namespace: str = "", rayjob: str = "") -> None:
        """500 to everything."""
        self._add(Fault("error", namespace, rayjob, time.monotonic() + seconds, 1 << 30))

    def timeout(self, seconds: float, *, namespace: str = "", rayjob: str = "") -> None:
        """No answer in time."""
        self._add(Fault("timeout", namespace, rayjob, time.monotonic() + seconds, 1 << 30))

    def duplicate(self, times: int = 1, *, namespace: str = "", rayjob: str = "") -> None:
        """The next submissions run twice at once."""
        self._add(Fault("duplicate", namespace, rayjob, float("inf"), times))

    def say_failed(
        self,
        times: int = 1,
        *,
        namespace: str = "",
        rayjob: str = "",
        message: str = "Job supervisor actor died.",
    ) -> None:
        """The next submissions are said to have failed although they succeed."""
        self._add(Fault("lie", namespace, rayjob, float("inf"), times, message))

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._faults.clear()
        self.delay = 0.0

    def take(self, kind: Kind, namespace: str, rayjob: str) -> Fault | None:
        """A fault for one submission, which uses up one of its times."""
        with self._lock:
            for fault in self._faults:
                if fault.concerns(kind, namespace, rayjob):
                    fault.left -= 1
                    return fault
        return None

    def answer(self, method: str, namespace: str, rayjob: str) -> tuple[int, str] | None:
        """What to answer instead of the truth."""
        if self.take("timeout", namespace, rayjob):
            time.sleep(TIMEOUT_SECONDS)
            return 504, "late"
        if method == "GET" and self.take("lost", namespace, rayjob):
            return 404, "Job does not exist"
        if self.take("error", namespace, rayjob):
            return 500, "Internal Server Error"
        return None

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)
