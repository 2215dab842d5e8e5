"""How long a store may keep a caller who serves others too: calls beyond that are not made.

Threads that `disk.in_order` starts share the budget of who started them.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from lingraft.errors import InfrastructureError

_until: ContextVar[tuple[float, float] | None] = ContextVar("budget", default=None)
"""When it is over (monotonic), and how many seconds it was."""


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Meanwhile, all calls to stores together may take so long."""
    token = _until.set((time.monotonic() + seconds, seconds))
    try:
        yield
    finally:
        _until.reset(token)


def left() -> float | None:
    """Seconds that are left, at least a moment; None: as many as it takes."""
    budget = _until.get()
    return None if budget is None else max(0.01, budget[0] - time.monotonic())


def check(where: str) -> None:
    """Return while there is time.

    Raises:
        InfrastructureError: It is over.
    """
    budget = _until.get()
    if budget is not None and time.monotonic() > budget[0]:
        raise InfrastructureError(
            f"the store is too slow: what is looked at in one pass took more than {budget[1]:.0f} s"
            " (docs/operator.md, Limits)",
            where=where,
        )
