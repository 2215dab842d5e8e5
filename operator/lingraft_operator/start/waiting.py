"""Waiting for what somebody has to install: alive, not ready, and saying for what.

A pod that ends and is started again says less and less often what it lacks.
"""

import logging
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

from lingraft_operator.cluster import Unavailable

log = logging.getLogger(__name__)

AGAIN_SECONDS = 15.0


def wait_for(lacking: Callable[[], str | None], host: str, port: int) -> bool:
    """Ask until nothing is lacking.

    Args:
        lacking: What is, in a sentence; None once nothing is.
        host: Where probes ask meanwhile.
        port: There `/healthz` succeeds, `/healthz?ready` does not.

    Returns:
        Whether all is there; False where a signal ended the wait.
    """
    said = lacking()
    if said is None:
        return True
    with _signals() as over, _probes(host, port, lambda: said or ""):
        while said is not None:
            log.warning("waiting: %s", said)
            if over.wait(AGAIN_SECONDS):
                return False
            with suppress(Unavailable):  # an API server that is upgraded, say
                said = lacking()
    return True


@contextmanager
def _signals() -> Generator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    over = threading.Event()

    def stop(*_: object) -> None:
        over.set()

    former = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield over
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _probes(host: str, port: int, said: Callable[[], str]) -> Generator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path.endswith("?ready") else 200)
            self.end_headers()
            self.wfile.write(f"waiting: {said()}\n".encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Probes come every few seconds."""

    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET

    server = Server((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
