"""A real S3 server for tests: SeaweedFS in one process on loopback, a prefix per test."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ACCESS_KEY = "lingraft-test"
SECRET_KEY = "a-secret-that-no-log-may-show"
BUCKET = "lingraft"


@dataclass
class Seaweed:
    """A running server; `uri` is an empty prefix for one test."""

    endpoint: str
    data: Path
    uri: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The AWS variables that lead boto3, here or in another process, to this server."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "3",
        }


def _free_ports(count: int) -> list[int]:
    """Ports that are free, and whose number plus 10,000 (SeaweedFS's gRPC) is free too."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20000, 45000)
        try:
            for number in (port, port + 10000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        found.append(port)
    return found


def start() -> tuple[subprocess.Popen[bytes], Seaweed]:
    """Start a server and wait until it serves S3."""
    weed = shutil.which("weed") or str(Path(sys.executable).with_name("weed"))
    data = Path(tempfile.mkdtemp(prefix="lingraft-seaweed-"))
    master, volume, filer, s3, admin = _free_ports(5)
    ports = {"master": master, "volume": volume, "filer": filer, "s3": s3, "admin": admin}
    log = data / "weed.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [weed, "mini", "-dir", str(data), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1"]
            + [f"-{name}.port={port}" for name, port in ports.items()]
            + ["-s3.port.iceberg=0", "-s3.port.lance=0", "-admin.ui=false", "-webdav=false"]
            + ["-master.telemetry=false"],
            env=os.environ
            | {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
            | {"S3_BUCKET": BUCKET},
            cwd=data,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        # A port taken meanwhile makes it use the next one: the log has the truth.
        match = re.search(r"S3 Endpoint:\s+(http://\S+)", log.read_text(errors="replace"))
        if match:
            return process, Seaweed(match[1], data)
        with suppress(subprocess.TimeoutExpired):  # look again soon, or when it has ended
            process.wait(0.05)
    process.kill()
    process.wait()
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Seaweed]:
    """The session's server."""
    process, server = start()
    yield server
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(server.data, ignore_errors=True)


@pytest.fixture
def s3(s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """The server with an empty prefix of its own at `.uri`; the AWS environment points to it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return Seaweed(s3_server.endpoint, s3_server.data, f"s3://{BUCKET}/{uuid.uuid4().hex}/")
