"""An S3 server of a test's own, on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import pytest


@contextmanager
def served(server: ThreadingHTTPServer, environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve, with an environment in which s3:// is there."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    given = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in given.items():
        environment.setenv(name, value)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
