"""An S3 server that answers as no server should: too much, too slowly, never."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.served_s3 import served

PIECE = b"x" * 65536


class Answer(BaseHTTPRequestHandler):
    """One request; the test says how it is answered."""

    protocol_version = "HTTP/1.1"
    server: "BadS3"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.server.asked += 1
        with suppress(OSError):  # the client may have had enough
            self.server.behave(self)
        self.close_connection = True

    def head(self, length: int, status: int = 200, **headers: str) -> None:
        """Status and headers."""
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"e"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def pieces(self, length: int) -> None:
        """A body of so many bytes, as far as somebody reads it."""
        while length > 0 and not self.server.over.is_set():
            self.wfile.write(PIECE[: min(length, len(PIECE))])
            self.server.sent += min(length, len(PIECE))
            length -= len(PIECE)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class BadS3(ThreadingHTTPServer):
    """Answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.behave: Callable[[Answer], None] = lambda answer: answer.head(0)
        self.over = threading.Event()
        self.asked = self.sent = 0


@contextmanager
def bad_s3(environment: pytest.MonkeyPatch) -> Iterator[BadS3]:
    """The server, with an environment in which s3:// is there."""
    server = BadS3()
    with served(server, environment):
        try:
            yield server
        finally:
            server.over.set()
