"""What is read, in which order, and how often."""

from collections.abc import Iterator

import pytest

from lingraft.errors import InfrastructureError
from lingraft_operator.done import LOOK_SECONDS
from lingraft_operator.observe import MANIFEST_SECONDS
from lingraft_operator.world import Observed
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES

KEY = ("a", "one")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation().running() as made:
        yield made


def running(simulation: Simulation) -> None:
    simulation.create(*KEY, SHAPES["plain"])
    simulation.run_for(5)
    assert [b["status"]["jobStatus"] for b in simulation.rayjobs("corpus")] == ["RUNNING"]


def observed(simulation: Simulation) -> Observed:
    copy = simulation.copies[0]
    resource = copy.cache.resource(KEY)
    assert resource is not None and resource.status.plan is not None
    return copy.worker.observer.observe(resource, resource.status.plan.plan, None)


@pytest.mark.parametrize("reads", range(8))
def test_a_stage_that_ends_in_the_middle_of_a_look_has_not_failed(
    simulation: Simulation, reads: int
) -> None:
    """Manifest, then the end of the RayJob: were they read the other way round, the end would be
    seen without the manifest."""
    running(simulation)
    (rayjob,) = simulation.rayjobs("corpus")
    copy = simulation.copies[0]

    def ends() -> None:
        simulation.finish(rayjob, "success")
        simulation.kuberay.step(rayjob)
        copy.deliver_all()

    simulation.interrupts.append((reads, ends))
    copy.queue.add(KEY)
    copy.work()
    simulation.interrupts.clear()
    ends()
    copy.queue.add(KEY)
    copy.work()
    (attempt,) = simulation.status(KEY).stages[0].attempts
    assert attempt.reason == "Succeeded"


def test_a_manifest_that_is_there_is_asked_for_again_after_a_while_only(
    simulation: Simulation,
) -> None:
    running(simulation)
    simulation.finish(simulation.rayjobs("corpus")[0], "success")
    simulation.run_for(5)
    assert len(observed(simulation).manifests) == 1
    simulation.lose_artifacts("corpus")
    reads = simulation.reads
    assert len(observed(simulation).manifests) == 1
    # Of the stage that runs: the manifest, the lease, the heartbeat.
    assert simulation.reads - reads == 3
    simulation.clock.advance(MANIFEST_SECONDS)
    reads = simulation.reads
    assert not observed(simulation).manifests
    # What rests on a gap is not asked for: the manifest that is gone, its lease and last words.
    assert simulation.reads - reads == 3


def test_what_is_done_is_looked_at_every_few_hours_only(simulation: Simulation) -> None:
    simulation.create(*KEY, SHAPES["plain"])
    simulation.come_to_rest()
    for copy in simulation.copies:
        copy.start()
    reads = simulation.reads
    assert observed(simulation).gone is None
    assert simulation.reads == reads
    simulation.clock.advance(LOOK_SECONDS)
    assert observed(simulation).gone == ()
    assert observed(simulation).gone is None
    simulation.lose_artifacts("graft")
    simulation.clock.advance(LOOK_SECONDS)
    gone = observed(simulation).gone
    assert gone is not None and [ref.partition("/")[0] for ref in gone] == ["graft"]


def test_a_running_stage_is_read_with_few_requests(simulation: Simulation) -> None:
    running(simulation)
    reads = simulation.reads
    found = observed(simulation)
    # The manifest, the lease, the heartbeat.
    assert simulation.reads - reads == 3
    assert len(found.progress) == len(found.leases) == 1
    assert not found.failures


def test_a_store_that_does_not_answer_is_told(simulation: Simulation) -> None:
    running(simulation)
    simulation.refuse(True)
    with pytest.raises(InfrastructureError):
        observed(simulation)


def test_the_end_of_a_rayjob_that_the_watch_missed_is_found(simulation: Simulation) -> None:
    running(simulation)
    copy = simulation.copies[0]
    simulation.break_watch(copy, "rayjobs")
    (rayjob,) = simulation.rayjobs("corpus")
    simulation.finish(rayjob, "killed")
    simulation.kuberay.step(rayjob)
    assert [r.running for r in observed(simulation).rayjobs.values()] == [True]
    simulation.clock.advance(simulation.config.poll_seconds + 1)
    assert [r.finished for r in observed(simulation).rayjobs.values()] == [True]


def test_a_rayjob_that_went_unseen_is_not_there(simulation: Simulation) -> None:
    running(simulation)
    simulation.break_watch(simulation.copies[0], "rayjobs")
    (rayjob,) = simulation.rayjobs("corpus")
    simulation.vanish(rayjob)
    simulation.kuberay.step(rayjob)
    simulation.clock.advance(simulation.config.poll_seconds + 1)
    assert not observed(simulation).rayjobs


def test_an_open_attempt_is_looked_up_before_it_is_given_up(simulation: Simulation) -> None:
    """Another copy of the operator launched it, and this one's watch is behind."""
    simulation.add_copy()
    first, second = simulation.copies
    simulation.create(*KEY, SHAPES["plain"])
    first.run()
    (rayjob,) = simulation.rayjobs()
    stream = ("rayjobs", rayjob["metadata"]["uid"])
    del second.watch.streams[stream]
    second.run()
    assert simulation.status(KEY).stages[0].attempts[0].ended_at is None
    assert len(simulation.rayjobs()) == 1
