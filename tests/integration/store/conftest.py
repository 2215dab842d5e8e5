"""One suite, both stores: `store_uri` is an empty store of each kind in turn."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lingraft.stage import Stage
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore


@pytest.fixture(params=["file", "s3"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of an empty store."""
    if request.param == "file":
        return (tmp_path / "store of ünits").as_uri() + "/"
    return request.getfixturevalue("s3").uri


@pytest.fixture
def store(store_uri: str) -> ArtifactStore:
    """An empty store."""
    return open_store(store_uri)


@pytest.fixture
def stage() -> Stage:
    """Some stage."""
    return Stage(kind="embed", params={"steps": 3}, inputs={"corpus": "corpus/00"})


class Child:
    """A Python process that prints lines; it is killed when the test ends."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    def line(self) -> str:
        """The next line it prints; empty if it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """SIGKILL, not reaped: so does a dead run look to others of the same parent."""
        os.kill(self.process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Starts children."""
    started: list[Child] = []

    def start(code: str, *arguments: str) -> Child:
        started.append(Child(code, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()
