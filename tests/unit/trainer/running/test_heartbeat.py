"""A store that is away costs no stage its life before the lease is over, and no time at all."""

import threading
from collections.abc import Callable

import pytest

from lingraft.errors import CredentialsError, InfrastructureError, StageBusyError
from lingraft.stage import Progress, Stage
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore
from lingraft_trainer.running import heartbeat
from lingraft_trainer.running.heartbeat import Heartbeat
from tests.support.operator.memory_store import MemoryStore

STAGE = Stage(kind="embed", params={}, inputs={})


class World:
    """A store whose reads are counted, and a holder of the lease with its heartbeat."""

    def __init__(self) -> None:
        self.reads, self.read = 0, threading.Condition()
        self.before: Callable[[], object] = lambda: None
        self.store = MemoryStore("s3://bucket/", self._read)
        self.stages = StageStore(self.store, STAGE, "me")
        self.lease = Lease(self.store, STAGE, "me")
        self.lease.acquire()
        self.told: list[Progress] = []
        self.heartbeat = Heartbeat(self.stages, self.lease, self.told.append)

    def _read(self) -> None:
        with self.read:
            self.reads += 1
            self.read.notify_all()
        self.before()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it is true at a read, of which each heartbeat begins with one."""
        with self.read:
            assert self.read.wait_for(condition, 60), "waited in vain"

    def written(self) -> int:
        """The step of the progress that is in the store; 0 for none."""
        progress = self.stages.read_progress("me")
        return progress.step if progress else 0


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.001)
    return World()


def wait_for_its_last() -> None:
    """Until the heartbeat has stopped by itself."""
    for thread in threading.enumerate():
        if thread.name == "heartbeat":
            thread.join(60)
            assert not thread.is_alive(), "waited in vain"


def test_the_newest_progress_is_written_and_the_lease_renewed(world: World) -> None:
    before = world.lease.read()
    with world.heartbeat as beat:
        beat(Progress(step=1, steps=9))
        beat(Progress(step=2, steps=9))
        world.wait_for(lambda: world.written() == 2)
    after = world.lease.read()
    assert before and after and after[0].renewed_at > before[0].renewed_at
    assert [progress.step for progress in world.told] == [1, 2]


def test_an_old_progress_does_not_pass_for_a_new_one(world: World) -> None:
    with world.heartbeat as beat:
        beat(Progress(step=1, steps=9))
        world.wait_for(lambda: world.written() == 1)
        first = world.stages.read_progress("me")
        reads = world.reads
        world.wait_for(lambda: world.reads > reads + 3)
        assert world.stages.read_progress("me") == first


def test_a_store_that_is_away_for_a_while_is_tried_again(world: World) -> None:
    world.store.refusing = True
    with world.heartbeat as beat:
        for step in (1, 2, 3):
            reads = world.reads
            world.wait_for(lambda seen=reads: world.reads > seen)
            beat(Progress(step=step, steps=9))
        world.store.refusing = False
        world.wait_for(lambda: world.written() == 3)
        beat(Progress(step=4, steps=9))


def test_training_does_not_wait_for_the_store(world: World) -> None:
    go_on, main = threading.Event(), threading.current_thread()
    world.before = lambda: threading.current_thread() is main or go_on.wait(60)
    with world.heartbeat as beat:
        for step in range(1, 100):
            beat(Progress(step=step, steps=100))
        assert len(world.told) == 99 and world.written() == 0
        go_on.set()


def test_a_store_away_for_as_long_as_a_lease_lives_ends_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 0)
    world.store.refusing = True
    with world.heartbeat as beat:
        wait_for_its_last()
        assert beat.lost is not None
        with pytest.raises(InfrastructureError, match="does not answer"):
            beat(Progress(step=1, steps=9))
    assert not world.told


def test_a_lost_lease_ends_the_run_at_once(world: World) -> None:
    world.lease.release()
    with world.heartbeat as beat:
        wait_for_its_last()
        assert beat.lost is not None
        with pytest.raises(StageBusyError):
            beat(Progress(step=1, steps=9))


def test_when_it_is_over_no_renewal_is_on_its_way(world: World) -> None:
    """It would make giving the lease back fail, and others wait until it expires."""
    on_its_way, go_on = threading.Event(), threading.Event()
    world.before = lambda: (on_its_way.set(), go_on.wait(60))
    world.heartbeat.__enter__()
    assert on_its_way.wait(60)
    leaving = threading.Thread(target=world.heartbeat.__exit__)
    leaving.start()
    leaving.join(0.2)
    assert leaving.is_alive(), "it did not wait for the renewal"
    go_on.set()
    leaving.join(60)
    world.lease.release()
    found = world.lease.read()
    assert found is not None and found[0].released


def test_refused_credentials_that_nobody_waits_for_any_more_end_the_stage(world: World) -> None:
    refusing = threading.Event()

    def refuse() -> None:
        if refusing.is_set():
            raise CredentialsError("ExpiredToken")

    world.before = refuse
    with world.heartbeat:
        world.wait_for(lambda: world.reads > 3)
        refusing.set()
        wait_for_its_last()
        with pytest.raises(CredentialsError, match="ExpiredToken"):
            world.heartbeat(Progress(step=2, steps=9))


def test_what_is_waited_for_stands_in_the_progress(world: World) -> None:
    world.heartbeat(Progress(step=3, steps=9, phase="training"))
    world.heartbeat.waits("waiting for new credentials")
    assert (world.told[-1].step, world.told[-1].phase) == (3, "waiting for new credentials")
    reads = world.reads
    with world.heartbeat:
        world.wait_for(lambda: world.reads > reads + 4)
    written = world.stages.read_progress("me")
    assert written is not None and written.phase == "waiting for new credentials"
