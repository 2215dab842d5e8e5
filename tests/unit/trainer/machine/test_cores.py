"""How many cores may be used: by affinity and by control groups of both versions."""

import os
from pathlib import Path

import pytest

from lingraft_trainer.machine import cores
from lingraft_trainer.machine.cores import usable_cores

V2, V1 = "cpu.max", "cpu.cfs_quota_us"


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cores, "PROC", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    (tmp_path / "groups").mkdir()
    return tmp_path


CASES: list[tuple[str, dict[str, str], int]] = [
    ("0::/", {}, 8),
    ("0::/", {V2: "max 100000"}, 8),
    ("0::/", {V2: "100000 100000"}, 1),
    ("0::/", {V2: "150000 100000"}, 2),
    ("0::/", {V2: "10000 100000"}, 1),
    ("0::/", {V2: "6400000 100000"}, 8),
    ("0::/pod/main", {f"pod/main/{V2}": "max 100000", f"pod/{V2}": "300000 100000"}, 3),
    # In a container the path is the host's, and not to be seen.
    ("0::/kubepods/x/y", {V2: "200000 100000"}, 2),
    ("3:cpu,cpuacct:/docker/x", {f"cpu,cpuacct/{V1}": "250000"}, 3),
    ("3:cpu,cpuacct:/", {f"cpu,cpuacct/{V1}": "-1"}, 8),
    ("4:memory:/", {f"memory/{V1}": "100000"}, 8),
]


@pytest.mark.parametrize(("line", "files", "expected"), CASES)
def test_quotas(groups: Path, line: str, files: dict[str, str], expected: int) -> None:
    (groups / "cgroup").write_text(f"{line}\n")
    for name, content in files.items():
        file = groups / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
        (file.parent / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores() == expected


def test_affinity(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert usable_cores() == 1
