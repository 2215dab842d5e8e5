"""What pods died of: their own doing, or others'."""

from tests.support.operator.histories import ONE, fail, phases, world
from tests.support.operator.specs import POD_STATES, SHAPES


def test_a_disk_that_it_fills_itself_is_a_failure_of_its_own() -> None:
    """Not a preemption, which would be tried again for ever; the batch is not at fault."""
    with world("plain") as sim:
        for _ in range(2):
            (rayjob,) = sim.rayjobs("corpus")
            sim.kuberay.trainers[rayjob["metadata"]["uid"]].checkpoint()
            sim.trouble(rayjob, POD_STATES["fills its disk"])
            sim.run_for(200)
        first, second = sim.status(ONE).stages[0].attempts
        assert phases(sim) == ["Stalled"]
        assert {(a.failure_class, a.reason) for a in (first, second)} == {("resource", "OutOfDisk")}
        assert first.micro_batch_tokens == second.micro_batch_tokens
        assert "scratchSize" in sim.status(ONE).conditions[0].message


def test_evictions_that_leave_nothing_new_behind_are_counted() -> None:
    with world("plain") as sim:
        for _ in range(4):
            (rayjob,) = sim.rayjobs("corpus")
            trainer = sim.kuberay.trainers[rayjob["metadata"]["uid"]]
            trainer.step = 7  # the same updates again and again
            trainer.checkpoint()
            sim.trouble(rayjob, POD_STATES["is evicted by its node"])
            fail(sim, "corpus", "killed")
            sim.run_for(300)
        counted = [a.counted for a in sim.status(ONE).stages[0].attempts]
        assert (phases(sim), counted) == (["Stalled"], [False, True, True, True])


def test_a_disruption_of_an_hour_ago_does_not_excuse_what_fails_now() -> None:
    with world("plain") as sim:
        for _ in range(3):
            (rayjob,) = sim.rayjobs("corpus")
            sim.trouble(rayjob, POD_STATES["is preempted"])
            sim.run_for(5)
            sim.kuberay.set_pod(rayjob, {})
            for _ in range(40):
                sim.run_for(90)
            sim.kuberay.trainers[rayjob["metadata"]["uid"]].checkpoint()
            fail(sim, "corpus", "infrastructure")
            sim.run_for(300)
        attempts = sim.status(ONE).stages[0].attempts
        assert phases(sim) == ["Stalled"]
        assert [(a.reason, a.counted) for a in attempts] == [("infrastructureError", True)] * 3
        assert "also said: pod" in (attempts[0].message or "")


def test_a_sidecar_that_runs_out_of_memory_is_no_end() -> None:
    with world("once") as sim:
        for state in ("has a sidecar out of memory", "has a sidecar without an image"):
            sim.trouble(sim.rayjobs("corpus")[0], POD_STATES[state])
            sim.run_for(1000)
        (attempt,) = sim.status(ONE).stages[0].attempts
        assert attempt.ended_at is None


def test_a_sidecar_that_never_starts_holds_the_trainer_up_and_says_so() -> None:
    with world() as sim:
        sim.create(*ONE, SHAPES["plain"])
        for copy in sim.copies:
            copy.run()
        sim.kuberay.step(sim.rayjobs("corpus")[0])
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a sidecar without an image"])
        sim.run_for(100)
        assert sim.status(ONE).stages[0].reason == "SidecarImagePullBackOff"
        sim.run_for(250)
        assert phases(sim) == ["Stalled"] and sim.status(ONE).heals
        assert not any(one.counted for one in sim.status(ONE).stages[0].attempts)
