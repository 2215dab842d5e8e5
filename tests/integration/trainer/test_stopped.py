"""`lingraft run`, ended in the middle: it says so, and leaves no scratch behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.toy import write
from tests.cluster.bed.processes import wait_until

pytestmark = pytest.mark.timeout(120)


def test_sigterm_is_a_stop_that_tidies_up(tmp_path: Path) -> None:
    file, scratch, log = write(tmp_path), tmp_path / "scratch", tmp_path / "log"
    scratch.mkdir()
    command = [sys.executable, "-m", "lingraft.cli", "run", "-f", str(file)]
    environment = os.environ | {"TMPDIR": str(scratch), "LINGRAFT_CACHE": str(tmp_path / "cache")}
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    # The first stage reads text; a stage's scratch has a name of its own.
    ended = lambda: running.poll() is not None  # noqa: E731
    wait_until(lambda: any(scratch.glob("lingraft-*")) or ended(), "a stage begins", seconds=60)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 130, log.read_text()
    assert "stopped; run the same command to resume" in log.read_text()
    assert list(scratch.iterdir()) == []
