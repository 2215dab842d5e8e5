"""An HTTP proxy on loopback that answers itself whatever it is asked for."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str, str, Any, bytes], tuple[int, Any]]
"""(method, absolute URL, headers, body) to (HTTP status, JSON or text)."""


class Proxy(ThreadingHTTPServer):
    """Serves from `serve_forever` to `shutdown`; `url` is what HTTP_PROXY must be."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        assert isinstance(self.server, Proxy)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = self.server.answer(self.command, self.path, self.headers, body)
        except Exception as error:  # a bug in a test's stand-in must be seen in KubeRay's log
            status, answer = 500, f"{type(error).__name__}: {error}"
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Not a word on stderr."""
