"""CPU-seconds and memory of processes, from Linux's /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a process has used so far."""

    cpu: float
    """Seconds, of all its threads."""
    peak: float
    """Most memory it ever had resident, in MiB."""
    now: float
    """Resident memory in MiB."""


def usage_of(pid: int) -> Usage:
    """Of a process that runs."""
    # proc(5): the command's name may hold anything, the fields start after its bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if "kB" in line}
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    return Usage(cpu, memory["VmHWM"], memory["VmRSS"])


def usages(pids: dict[str, int]) -> dict[str, Usage]:
    """Of several, by the names given."""
    return {name: usage_of(pid) for name, pid in pids.items()}
