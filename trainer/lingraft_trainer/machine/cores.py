"""How many CPU cores this process may use, which may be fewer than there are."""

import math
import os
from pathlib import Path

PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores, by the process's affinity (taskset) and its control groups' quota (containers)."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    quota = _quota(PROC, CGROUPS)
    return cores if quota == math.inf else max(1, min(cores, math.ceil(quota)))


def _quota(proc: Path, root: Path) -> float:
    """The smallest quota of this process's groups and those above them, in cores."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return math.inf
    quotas = [math.inf]
    for line in lines:
        _, controllers, own = line.split(":", 2)
        names = controllers.split(",")
        if controllers and "cpu" not in names:
            continue
        # Inside a container the path is often that of the host, and its own group is the root.
        top = root / controllers if controllers else root
        group = top / own.lstrip("/")
        for folder in (group, *group.parents):
            quotas.append(_quota_of(folder))
            if folder == top:
                break
    return min(quotas)


def _quota_of(group: Path) -> float:
    """Quota of one group (version 2, then version 1), in cores."""
    try:
        limit, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    limited = limit != "max" and int(limit) > 0
    return int(limit) / int(period) if limited else math.inf
