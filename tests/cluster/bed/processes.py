"""Child processes that end with us, with a log each."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The kernel kills a child (PR_SET_PDEATHSIG) when the *thread* that started it ends: so all are
# started by one thread that lives as long as this process.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")
_TAIL = 4000  # characters


@dataclass
class Process:
    """A running child: the leader of a session, with stdout and stderr in `log`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def tail(self) -> str:
        """The end of its log, for people."""
        return self.log.read_text(errors="replace")[-_TAIL:]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it started."""
        # Its number is ours until it is waited for: no other group can get it meanwhile.
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds; returns when it has ended."""
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL; returns when it has ended."""
        self.signal(signal.SIGKILL)
        self.popen.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Process:
    """Start a child; its log is appended to."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError("setpriv (util-linux) is not installed")
    line = [setpriv, "--pdeathsig", "KILL", "--", *map(str, command)]

    def spawn() -> subprocess.Popen[bytes]:
        with log.open("ab") as stream:
            return subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if environment is None else environment),
                cwd=folder,
                start_new_session=True,
            )

    return Process(name, _SPAWNER.submit(spawn).result(), log)


def wait_until(
    condition: Callable[[], object], what: str, *watched: Process, seconds: float = 120.0
) -> None:
    """Return when `condition` is true.

    Raises:
        RuntimeError: A watched process ended first, or it took too long; with their logs' ends.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        dead = [process for process in watched if not process.alive]
        if dead or time.monotonic() > deadline:
            why = ", ".join(p.name for p in dead) + " ended" if dead else f"not in {seconds:.0f} s"
            logs = "".join(f"\n--- {p.name} ({p.log})\n{p.tail()}" for p in dead or watched)
            raise RuntimeError(f"{what}: {why}{logs}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
