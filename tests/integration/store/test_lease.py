"""Leases on both stores; time is injected."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lingraft.errors import StageBusyError
from lingraft.stage import Stage
from lingraft.store.base import ArtifactStore
from lingraft.store.lease import LEASE_SECONDS, Lease, holder_is_dead, local_holder


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_one_holder_at_a_time(store: ArtifactStore, stage: Stage) -> None:
    clock = Clock()
    first, second = (Lease(store, stage, f"run-{n}", now=clock) for n in (1, 2))
    first.acquire()
    first.acquire()  # one's own lease is no obstacle
    clock.advance(LEASE_SECONDS - 1)
    with pytest.raises(StageBusyError, match=r"run-1 .* until 2026-03-01T12:05:00\+00:00"):
        second.acquire()
    first.renew()
    clock.advance(LEASE_SECONDS - 1)
    with pytest.raises(StageBusyError, match="run-1"):
        second.acquire()
    first.release()
    second.acquire()
    with pytest.raises(StageBusyError, match="run-2"):
        first.renew()


def test_an_expired_lease_is_taken_over_and_lost(store: ArtifactStore, stage: Stage) -> None:
    clock = Clock()
    first, second = (Lease(store, stage, f"run-{n}", now=clock) for n in (1, 2))
    first.acquire()
    clock.advance(LEASE_SECONDS)
    second.acquire()
    with pytest.raises(StageBusyError, match="run-2"):
        first.renew()
    first.release()  # not ours any more: no effect
    second.renew()


def test_an_expired_lease_nobody_took_can_be_renewed(store: ArtifactStore, stage: Stage) -> None:
    clock = Clock()
    lease = Lease(store, stage, "run-1", now=clock)
    lease.acquire()
    clock.advance(10 * LEASE_SECONDS)
    lease.renew()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-2", now=clock).acquire()


def test_a_lease_given_up_is_not_renewed(store: ArtifactStore, stage: Stage) -> None:
    lease = Lease(store, stage, "run-1")
    with pytest.raises(StageBusyError):
        lease.renew()
    lease.acquire()
    lease.release()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-1").renew()


def test_another_process_of_the_holder_renews(store: ArtifactStore, stage: Stage) -> None:
    clock = Clock()
    driver, worker = (Lease(store, stage, "run-1", now=clock) for _ in range(2))
    driver.acquire()
    clock.advance(200)
    worker.renew()
    clock.advance(200)
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-2", now=clock).acquire()
    driver.renew()


@pytest.mark.parametrize("what", ["renew", "release"])
def test_a_lease_taken_over_at_that_very_moment_stays_taken(
    store: ArtifactStore, stage: Stage, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    clock = Clock()
    first, second = (Lease(store, stage, f"run-{n}", now=clock) for n in (1, 2))
    first.acquire()
    clock.advance(LEASE_SECONDS)
    put = store.put

    def late(*args: Any, **how: Any) -> str:
        monkeypatch.setattr(store, "put", put)
        second.acquire()  # after the first one read, before it writes
        return put(*args, **how)

    monkeypatch.setattr(store, "put", late)
    if what == "renew":
        with pytest.raises(StageBusyError, match="run-2"):
            first.renew()
    else:
        first.release()
    found = second.read()
    assert found is not None and found[0].holder == "run-2" and not found[0].released


def test_one_of_many_gets_an_expired_lease(store: ArtifactStore, stage: Stage) -> None:
    clock = Clock()
    Lease(store, stage, "run-0", now=clock).acquire()
    clock.advance(LEASE_SECONDS)
    together = threading.Barrier(6)

    def take(number: int) -> bool:
        together.wait()
        try:
            Lease(store, stage, f"run-{number}", now=clock).acquire()
        except StageBusyError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(1, 7))) == 1


HOLD = """
import sys, threading
from lingraft.stage import Stage
from lingraft.store import open_store
from lingraft.store.lease import Lease, local_holder
Lease(open_store(sys.argv[1]), Stage.model_validate_json(sys.argv[2]), local_holder()).acquire()
print(local_holder(), flush=True)
threading.Event().wait()
"""


def test_a_killed_local_runs_lease_is_free_at_once(
    store: ArtifactStore, store_uri: str, stage: Stage, child: Callable[..., Any]
) -> None:
    other = child(HOLD, store_uri, stage.model_dump_json())
    holder = other.line()
    mine = Lease(store, stage, local_holder())
    assert not holder_is_dead(holder)
    with pytest.raises(StageBusyError, match=holder):
        mine.acquire()
    other.kill()
    assert holder_is_dead(holder)
    mine.acquire()


def test_the_lease_of_a_holder_that_has_certainly_ended_is_taken_at_once(
    store: ArtifactStore, stage: Stage
) -> None:
    clock = Clock()
    Lease(store, stage, "killed", now=clock).acquire()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "next", superseded=("another",), now=clock).acquire()
    Lease(store, stage, "next", superseded=("another", "killed"), now=clock).acquire()
