"""How much memory this machine, or this container, lets its processes have."""

import os
from pathlib import Path

PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
FILES = ("memory.max", "memory.limit_in_bytes")
"""A group's limit, of version 2 and of version 1."""


def memory_limit(proc: Path = PROC, root: Path = CGROUPS) -> int:
    """Bytes: the machine's, or the least of what this process's control groups allow."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *_limits(proc, root)])


def _limits(proc: Path, root: Path) -> list[int]:
    try:
        lines = proc.read_text().splitlines()
    except OSError:  # not Linux
        return []
    found: list[int] = []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        # Inside a container the path is often that of the host, and its own group is the root.
        top = root / controllers if controllers else root
        group = top / own.lstrip("/")
        for folder in (group, *group.parents):
            found += _limit_of(folder)
            if folder == top:
                break
    return found


def _limit_of(group: Path) -> list[int]:
    for name in FILES:
        try:
            text = (group / name).read_text().strip()
        except OSError:
            continue
        return [int(text)] if text.isdigit() else []
    return []
