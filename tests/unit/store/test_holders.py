"""Names of local runs, and which of them are certainly dead."""

import os
import subprocess
import sys

from lingraft.store import lease
from lingraft.store.lease import holder_is_dead, local_holder


def test_a_living_process_is_not_dead() -> None:
    assert not holder_is_dead(local_holder())
    assert local_holder() == local_holder()
    assert "/" not in local_holder()


def test_an_ended_process_is_dead_before_and_after_it_is_reaped() -> None:
    code = "from lingraft.store.lease import local_holder; print(local_holder(), flush=True)"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert holder_is_dead(name)  # a zombie
    child.communicate()
    assert holder_is_dead(name)


def test_a_number_used_again_is_another_process() -> None:
    name, _, start = local_holder().rpartition("-")
    assert holder_is_dead(f"{name}-{int(start) + 1}")


def test_others_may_live() -> None:
    head, pid, start = local_holder().rsplit("-", 2)
    host, _ = head.rsplit("-", 1)
    elsewhere = f"{host}-00000000-{pid}-{start}"  # another machine, container or boot
    assert elsewhere != local_holder()
    for name in (elsewhere, "9f1c2a34-0000-4a4f-8d2e-0123456789ab", "local-", ""):
        assert not holder_is_dead(name)


def test_a_host_name_with_hyphens_and_odd_letters(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(lease.socket, "gethostname", lambda: "ml-node/7-ä_b")
    name = local_holder()
    assert "/" not in name and not holder_is_dead(name)
    head, _, start = name.rpartition("-")
    assert holder_is_dead(f"{head}-{int(start) + 1}")
