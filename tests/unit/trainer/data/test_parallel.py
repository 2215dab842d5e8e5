"""Work in processes of our own: in order, errors told, nothing left behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from lingraft.errors import ResourceError, UserError
from lingraft_trainer.data.parallel import ordered
from tests.support.stages import import_path


def numbers(item: int) -> Iterator[pa.Table]:
    print("noise that is no outcome")
    for part in range(item % 3 + 1):
        yield pa.table({"n": [10 * item + part], "pid": [os.getpid()]})


def nothing(item: int) -> Iterator[pa.Table]:
    yield from ()


def refused(item: int) -> Iterator[pa.Table]:
    yield pa.table({"n": [item]})
    if item == 2:
        raise UserError("this is none", where="a.txt:3")


def killed(item: int) -> Iterator[pa.Table]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield pa.table({"n": [item]})


def children() -> set[str]:
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for one in lists for pid in one.read_text().split()}


@pytest.mark.parametrize("processes", [1, 3])
def test_in_order_whoever_is_first(tmp_path: Path, processes: int) -> None:
    before = children()
    rows = [r for t in ordered(numbers, range(12), tmp_path, processes) for r in t.to_pylist()]
    assert [row["n"] for row in rows] == [10 * i + p for i in range(12) for p in range(i % 3 + 1)]
    own = {row["pid"] for row in rows} == {os.getpid()}
    assert own == (processes == 1)
    assert children() == before and not list(tmp_path.iterdir())


def test_no_tables_and_no_items(tmp_path: Path) -> None:
    assert list(ordered(nothing, range(3), tmp_path, 2)) == []
    assert list(ordered(numbers, [], tmp_path, 2)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_comes_as_it_was(tmp_path: Path, processes: int) -> None:
    before = children()
    with pytest.raises(UserError, match=r"^a\.txt:3: this is none$"):
        list(ordered(refused, range(40), tmp_path, processes))
    assert children() == before


def test_a_process_that_the_system_ends_is_told(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ResourceError, match="signal 9"):
        list(ordered(killed, range(4), tmp_path, 2))
    assert children() == before


def test_who_stops_asking_leaves_nothing_running(tmp_path: Path) -> None:
    before = children()
    tables = ordered(numbers, range(100), tmp_path, 2)
    next(iter(tables))
    tables.close()  # type: ignore[attr-defined]
    assert children() == before


def test_a_module_beside_the_user_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyarrow.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert len(list(ordered(nothing, range(3), tmp_path, 2))) == 0


def endless(fifo: str) -> Iterator[pa.Table]:
    with Path(fifo).open("w") as told:
        print(os.getpid(), file=told)
    threading.Event().wait()
    yield pa.table({"n": [0]})


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """However it went: here it is killed while they are at work."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = (
        "import sys; from pathlib import Path; from lingraft_trainer.data.parallel import ordered\n"
        "from tests.unit.trainer.data.test_parallel import endless\n"
        "next(ordered(endless, [sys.argv[1]] * 4, Path(sys.argv[1]).parent, 2))"
    )
    environment = os.environ | {"PYTHONPATH": import_path()}
    with subprocess.Popen([sys.executable, "-c", code, str(fifo)], env=environment) as parent:
        pids: list[int] = []
        while len(pids) < 2:
            with fifo.open() as told:
                pids += map(int, told.read().split())
        handles = [os.pidfd_open(pid) for pid in pids]
        parent.kill()
    for handle in handles:
        ready, _, _ = select.select([handle], [], [], 60)
        os.close(handle)
        assert ready, "it lives on"
