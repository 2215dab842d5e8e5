"""What a trainer does while the store refuses its credentials: it waits for others, and says so.

Training goes on meanwhile. Beside a cluster's operator it gives up before that would take it for
dead; on one machine somebody reads what it says, and may stop it. Keys that came by the
environment stay what they are: only a clock or a right may be put in order.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from lingraft.errors import CredentialsError
from lingraft.store import credentials
from lingraft_trainer.machine.machines import one_machine

LOOK_SECONDS = 5.0
"""Between two calls with what may be new credentials by then."""
PATIENCE_SECONDS = 240.0
"""Less than a lease lives, and than the operator waits for a heartbeat."""


@contextmanager
def awaited(tell: Callable[[str], None]) -> Generator[None]:
    """Meanwhile, calls of stores wait for credentials that were taken before to be renewed.

    Args:
        tell: Told what is waited for, again and again, on any thread.
    """
    over = threading.Event()
    for_ever = one_machine() and credentials.renewable()

    def wait(error: CredentialsError, seconds: float) -> None:
        if over.is_set() or (seconds >= PATIENCE_SECONDS and not for_ever):
            raise error
        tell(f"waiting for new credentials: {error.message}")
        over.wait(LOOK_SECONDS)

    with credentials.patient(wait):
        try:
            yield
        finally:
            over.set()  # a thread that waits would keep the process from ending
