"""What is read, in which order, and how often."""

from collections.abc import Iterator

import pytest

from lingraft.errors import InfrastructureError
from lingraft_operator.decision.done import LOOK_SECONDS
from lingraft_operator.observation.looks import DONE_SECONDS, IDLE_SECONDS
from lingraft_operator.observation.observe import QUIET
from lingraft_operator.world import Observed
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES, spec
from tests.support.operator.trainer import Trainer

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
    assert simulation.reads == reads, "the stage that runs was looked at a moment ago"
    simulation.clock.advance(DONE_SECONDS)
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


def test_a_running_stage_is_read_with_one_request(simulation: Simulation) -> None:
    running(simulation)
    reads = simulation.reads
    assert observed(simulation).progress.keys() and simulation.reads == reads
    simulation.advance(simulation.config.poll_seconds)  # it shows that it lives
    reads = simulation.reads
    found = observed(simulation)
    assert simulation.reads - reads == 1
    assert len(found.progress) == len(found.leases) == 1
    assert not found.failures


def test_a_running_stage_whose_heartbeat_stands_still_is_read_whole(
    simulation: Simulation,
) -> None:
    """Somebody else may have done it, or its lease may be another's by now."""
    running(simulation)
    (rayjob,) = simulation.rayjobs("corpus")
    simulation.silence(rayjob)
    simulation.clock.advance(301)
    simulation.start_local_run(rayjob, "laptop-1")
    simulation.end_local_runs("success")
    assert observed(simulation).manifests


def test_a_trainer_that_is_quiet_is_asked_after_before_it_is_given_up(
    simulation: Simulation,
) -> None:
    running(simulation)
    trainer = simulation.kuberay.trainers[simulation.rayjobs("corpus")[0]["metadata"]["uid"]]
    trainer.mute = True
    simulation.advance(295)
    observed(simulation)
    trainer.mute = False
    simulation.advance(4)
    assert simulation.clock.now - observed(simulation).signs[trainer.spec.holder].heard < QUIET


def test_what_nobody_works_on_is_read_before_it_is_started(simulation: Simulation) -> None:
    """Until then its manifest may have come from anywhere, and nothing tells of it."""
    pools = {"small": {"maxConcurrentStages": 1}}
    with Simulation(config(pools=pools)).running() as sim:
        sim.create("a", "first", SHAPES["plain"])
        sim.run_for(5)
        sim.create(*KEY, spec("fr"))
        sim.run_for(5)
        reads = sim.reads
        for _ in range(5):
            observed(sim)
        assert sim.reads == reads, "it waits for a slot"
        (waiting,) = [one for one in sim.status(KEY).stages if one.kind == "corpus"]
        done(sim, KEY, waiting.name)
        sim.remove(("a", "first"))
        sim.run_for(IDLE_SECONDS / 2)
        assert sim.status(KEY).stages[0].cached, "it was found just before it was to be started"


def done(simulation: Simulation, key: tuple[str, str], stage: str) -> None:
    """Somebody computes a stage of a resource elsewhere, within a moment."""
    plan = simulation.status(key).plan
    assert plan is not None
    elsewhere = plan.plan.spec(plan.plan[stage], "laptop-9")
    trainer = Trainer(elsewhere, simulation.store_at(elsewhere.store), simulation.clock)
    trainer.start()
    trainer.finish("success", {})


def test_a_store_that_does_not_answer_is_told(simulation: Simulation) -> None:
    running(simulation)
    simulation.refuse(True)
    simulation.clock.advance(simulation.config.poll_seconds)
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
