"""Time that passes only when it is told to, in the modules that ask for it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Self
from unittest.mock import patch

from lingraft_operator import worker
from lingraft_operator.observation import observe, sightings
from lingraft_operator.planning import planned
from lingraft_operator.status import writer
from lingraft_operator.watches import cache, objects, podcache, queue, sweep

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = START

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.now - START).total_seconds() + 1000.0

    def read(self) -> datetime:
        return self.now

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The operator's modules read this clock."""
        clock = self

        class Now(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return clock.now  # type: ignore[return-value]

        fake_time = SimpleNamespace(monotonic=self.monotonic)
        with ExitStack() as stack:
            for module in (planned, podcache, objects, queue, sightings, sweep, worker):
                stack.enter_context(patch.object(module, "datetime", Now))
            for module in (cache, observe, queue, writer):
                stack.enter_context(patch.object(module, "time", fake_time))
            yield
