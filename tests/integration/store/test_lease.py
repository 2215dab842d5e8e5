"""Leases on both stores; the stores' time is injected, and no holder's clock tells it."""

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
    """A store's clock that goes when it is told to."""

    def __init__(self, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 0.0
        self._written: dict[str, float] = {}
        put, age = store.put, store.age

        def noted(key: str, *args: Any, **how: Any) -> str:
            etag = put(key, *args, **how)
            self._written[etag] = self.time
            return etag

        def told(key: str, *, if_match: str) -> float:
            age(key, if_match=if_match)
            # One that was written this moment is not noted yet.
            return self.time - self._written.get(if_match, self.time)

        monkeypatch.setattr(store, "put", noted)
        monkeypatch.setattr(store, "age", told)

    def advance(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That of the store."""
    return Clock(store, monkeypatch)


def wrong(minutes: float) -> Callable[[], datetime]:
    """A machine's clock that is wrong by so much."""
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)


def test_one_holder_at_a_time(store: ArtifactStore, stage: Stage, clock: Clock) -> None:
    first, second = (Lease(store, stage, f"run-{n}") for n in (1, 2))
    first.acquire()
    first.acquire()  # one's own lease is no obstacle
    clock.advance(LEASE_SECONDS)
    with pytest.raises(StageBusyError, match=r"run-1 .* for 1 s at least"):
        second.acquire()
    assert not second.free()
    first.renew()
    clock.advance(LEASE_SECONDS)
    with pytest.raises(StageBusyError, match="run-1"):
        second.acquire()
    first.release()
    second.acquire()
    with pytest.raises(StageBusyError, match="run-2"):
        first.renew()


@pytest.mark.parametrize("holders", [-6, 6])
@pytest.mark.parametrize("readers", [-6, 6])
def test_clocks_that_are_minutes_wrong_free_no_lease_and_keep_none(
    store: ArtifactStore, stage: Stage, clock: Clock, holders: int, readers: int
) -> None:
    first = Lease(store, stage, "run-1", now=wrong(holders))
    second = Lease(store, stage, "run-2", now=wrong(readers))
    first.acquire()
    with pytest.raises(StageBusyError):
        second.acquire()
    clock.advance(LEASE_SECONDS + 1)
    assert second.free()
    second.acquire()


def test_a_lease_that_is_renewed_while_its_age_is_asked_for_is_kept(
    store: ArtifactStore, stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (Lease(store, stage, f"run-{n}") for n in (1, 2))
    first.acquire()
    clock.advance(LEASE_SECONDS + 1)
    age = store.age

    def late(*args: Any, **how: Any) -> float:
        monkeypatch.setattr(store, "age", age)
        first.renew()
        return age(*args, **how)

    monkeypatch.setattr(store, "age", late)
    with pytest.raises(StageBusyError, match="run-1"):
        second.acquire()


def test_an_expired_lease_is_taken_over_and_lost(
    store: ArtifactStore, stage: Stage, clock: Clock
) -> None:
    first, second = (Lease(store, stage, f"run-{n}") for n in (1, 2))
    first.acquire()
    clock.advance(LEASE_SECONDS + 1)
    second.acquire()
    with pytest.raises(StageBusyError, match="run-2"):
        first.renew()
    first.release()  # not ours any more: no effect
    second.renew()


def test_an_expired_lease_nobody_took_can_be_renewed(
    store: ArtifactStore, stage: Stage, clock: Clock
) -> None:
    lease = Lease(store, stage, "run-1")
    lease.acquire()
    clock.advance(10 * LEASE_SECONDS)
    lease.renew()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-2").acquire()


def test_a_lease_given_up_is_not_renewed(store: ArtifactStore, stage: Stage) -> None:
    lease = Lease(store, stage, "run-1")
    with pytest.raises(StageBusyError):
        lease.renew()
    lease.acquire()
    lease.release()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-1").renew()


def test_another_process_of_the_holder_renews(
    store: ArtifactStore, stage: Stage, clock: Clock
) -> None:
    driver, worker = (Lease(store, stage, "run-1") for _ in range(2))
    driver.acquire()
    clock.advance(200)
    worker.renew()
    clock.advance(200)
    with pytest.raises(StageBusyError):
        Lease(store, stage, "run-2").acquire()
    driver.renew()


@pytest.mark.parametrize("what", ["renew", "release"])
def test_a_lease_taken_over_at_that_very_moment_stays_taken(
    store: ArtifactStore, stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    first, second = (Lease(store, stage, f"run-{n}") for n in (1, 2))
    first.acquire()
    clock.advance(LEASE_SECONDS + 1)
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


def test_one_of_many_gets_an_expired_lease(
    store: ArtifactStore, stage: Stage, clock: Clock
) -> None:
    Lease(store, stage, "run-0").acquire()
    clock.advance(LEASE_SECONDS + 1)
    together = threading.Barrier(6)

    def take(number: int) -> bool:
        together.wait()
        try:
            Lease(store, stage, f"run-{number}").acquire()
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
    Lease(store, stage, "killed").acquire()
    with pytest.raises(StageBusyError):
        Lease(store, stage, "next", superseded=("another",)).acquire()
    Lease(store, stage, "next", superseded=("another", "killed")).acquire()
