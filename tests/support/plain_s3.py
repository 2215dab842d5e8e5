"""A small S3 server whose faults a test chooses: what some compatible servers lack."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

import pytest

from tests.support.served_s3 import served

Fault = Literal[
    "",
    "ignores conditions",
    "refuses conditions",
    "refuses checksums",
    "mangles",
    "read-only",
    "current.json only",
]


class Request(BaseHTTPRequestHandler):
    """PutObject with its conditions, GetObject, HeadObject, DeleteObject, ListObjectsV2."""

    protocol_version = "HTTP/1.1"
    server: "PlainS3"  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def key(self) -> str:
        return urlsplit(self.path).path

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        fault, there = self.server.fault, self.server.objects.get(self.key)
        summed = any(name.lower().startswith("x-amz-checksum") for name in self.headers)
        absent, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
        held = not (absent and there is not None) and not (
            match and (there is None or match != _etag(there))
        )
        if fault == "read-only" or (
            fault == "current.json only" and not self.key.endswith("/current.json")
        ):
            self.answer(403, "AccessDenied")
        elif (fault == "refuses checksums" and summed) or (
            fault == "refuses conditions" and (absent or match)
        ):
            self.answer(501, "NotImplemented")
        elif not held and fault != "ignores conditions":
            self.answer(412, "PreconditionFailed")
        else:
            self.server.writes += 1
            kept = b"framed" + data if fault == "mangles" else data
            self.server.objects[self.key] = kept
            self.answer(200, etag=_etag(kept))

    def do_GET(self) -> None:
        if "list-type=2" in self.path:
            empty = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>'
            self.answer(200, body=f"{empty}</ListBucketResult>".encode())
        elif (data := self.server.objects.get(self.key)) is None:
            self.answer(404, "NoSuchKey")
        else:
            self.answer(200, body=data, etag=_etag(data))

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.server.objects.pop(self.key, None)
        self.answer(204)

    def answer(self, status: int, code: str = "", *, body: bytes = b"", etag: str = "") -> None:
        """One answer; an error has its code in XML."""
        if code:
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _etag(data: bytes) -> str:
    return f'"{md5(data, usedforsecurity=False).hexdigest()}"'


class PlainS3(ThreadingHTTPServer):
    """Keeps objects in memory."""

    daemon_threads = True

    def __init__(self, fault: Fault) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.fault, self.writes = fault, 0
        self.objects: dict[str, bytes] = {}


@contextmanager
def plain_s3(environment: pytest.MonkeyPatch, fault: Fault) -> Iterator[PlainS3]:
    """The server, with an environment in which s3:// is there."""
    server = PlainS3(fault)
    with served(server, environment):
        yield server
