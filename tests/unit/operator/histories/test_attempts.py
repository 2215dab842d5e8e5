"""How attempts end, what counts, and what comes after."""

import pytest

from lingraft.stage import CPU_MICRO_BATCH_TOKENS
from tests.support.operator.histories import ONE, fail, launched, phases, world
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import POD_STATES, SHAPES


def test_infrastructure_failures_are_tried_as_often_as_allowed() -> None:
    with world("plain") as sim:
        for _ in range(3):
            fail(sim, "corpus", "infrastructure")
            sim.run_for(200)
        assert phases(sim) == ["Stalled"]
        assert launched(sim, "corpus") == 3


def test_out_of_memory_is_tried_once_more_with_half_the_micro_batch() -> None:
    with world("plain") as sim:
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["is out of memory"])
        sim.run_for(200)
        first, second = sim.status(ONE).stages[0].attempts
        assert first.micro_batch_tokens == CPU_MICRO_BATCH_TOKENS, "the trainer takes no more"
        assert second.micro_batch_tokens * 2 == first.micro_batch_tokens
        fail(sim, "corpus", "resource")
        sim.run_for(200)
        assert phases(sim) == ["Stalled"]


def test_a_second_head_pod_is_no_attempt_and_no_end() -> None:
    """KubeRay would wait for somebody to delete one."""
    with Simulation(config()).running(1) as sim:
        sim.kuberay.unheard = 1
        sim.create("a", "one", SHAPES["once"])
        sim.run_for(30)
        assert launched(sim, "corpus") == 1, "one that KubeRay replaces may be about to go"
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
        attempts = sim.status(ONE).stages[0].attempts
        assert [(a.reason, a.counted) for a in attempts] == [
            ("TwoHeadPods", False),
            ("Succeeded", True),
        ]
        assert "uses neither" in (attempts[0].message or "")


def test_a_preemption_after_a_checkpoint_counts_as_no_attempt() -> None:
    with world("once") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.kuberay.trainers[rayjob["metadata"]["uid"]].checkpoint()
        sim.trouble(rayjob, POD_STATES["is preempted"])
        fail(sim, "corpus", "killed")
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
        assert [a.counted for a in sim.status(ONE).stages[0].attempts] == [False, True]


def test_a_rayjob_that_is_deleted_by_hand_was_an_attempt() -> None:
    with world("plain", "once") as sim:
        sim.vanish(sim.rayjobs("corpus")[0])
        sim.come_to_rest()
        assert phases(sim) == ["Ready", "Stalled"]
        assert [a.reason for a in sim.status(ONE).stages[0].attempts] == [
            "RayJobDeleted",
            "Succeeded",
        ]


def test_a_retry_waits_two_minutes_for_pods_that_do_not_go() -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.cut_off(rayjob)
        sim.vanish(rayjob)
        sim.run_for(110)
        assert not sim.rayjobs("corpus")
        # Then the lease is what keeps two from writing: the one that is cut off goes on.
        sim.run_for(60)
        assert not sim.rayjobs("corpus")
        assert sim.status(ONE).stages[0].reason == "StageBusy"
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_failed_with_a_manifest_is_success() -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.misreport(rayjob, "Failed")
        sim.finish(rayjob, "success")
        sim.come_to_rest()
        assert launched(sim, "corpus") == 1


def test_a_user_error_that_kuberay_reports_late_is_one() -> None:
    with world("plain") as sim:
        sim.finish(sim.rayjobs("corpus")[0], "user")
        sim.advance(310)
        sim.copies[0].run()
        sim.come_to_rest()
        assert phases(sim) == ["Stalled"]
        assert launched(sim, "corpus") == 1


@pytest.mark.parametrize("own", [True, False])
def test_a_rayjob_that_hangs_after_the_manifest_is_ended(own: bool) -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        if own:
            trainer = sim.kuberay.trainers[rayjob["metadata"]["uid"]]
            sim.finish(rayjob, "success")
            trainer.alive = trainer.mute = True
        else:
            sim.silence(rayjob)
            sim.advance(301)
            sim.start_local_run(rayjob, "laptop-1")
            sim.end_local_runs("success")
            sim.run_for(35)
            assert not sim.rayjobs("corpus")  # what others do is in vain
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
