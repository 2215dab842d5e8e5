"""The control groups below which a node keeps those of its pods (version 1: one a hierarchy)."""

import os
from contextlib import suppress
from pathlib import Path

from tests.cluster.bed.processes import wait_until

_ROOT = Path("/sys/fs/cgroup")
_SECONDS = 10.0
_SHARES = "8192"
"""The kernel weighs a group as it does one process of the machine, of 1024: a node has many."""


def _hierarchies() -> list[Path]:
    return [path for path in _ROOT.iterdir() if (path / "cgroup.procs").exists()]


def make(name: str) -> None:
    """Make the group in every hierarchy, with every processor."""
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / setting).exists():  # a new cpuset has none, and nothing may run in it
                (group / setting).write_text((hierarchy / setting).read_text())
        if (group / "cpu.shares").exists():
            (group / "cpu.shares").write_text(_SHARES)


def remove(name: str) -> None:
    """Remove the group with all below it; what ran in it must have been killed."""

    def gone() -> bool:
        left = [h / name for h in _hierarchies() if (h / name).exists()]
        for group in left:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # busy until the kernel has buried the last process
                    os.rmdir(folder)
        return not left

    wait_until(gone, f"nothing uses the control groups {name}", seconds=_SECONDS)
