"""Machines whose clocks are minutes wrong."""

from datetime import timedelta

import pytest

from tests.support.operator.checks import is_live
from tests.support.operator.histories import ONE, world
from tests.support.operator.specs import SHAPES

SLOW, FAST = timedelta(minutes=-6), timedelta(minutes=6)


@pytest.mark.parametrize("skew", [SLOW, FAST])
def test_a_trainer_whose_clock_is_wrong_is_not_given_up(skew: timedelta) -> None:
    with world() as sim:
        sim.kuberay.skew = skew
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(2000)
        (attempt,) = sim.status(ONE).stages[0].attempts
        assert attempt.ended_at is None


@pytest.mark.parametrize("skew", [SLOW, FAST])
def test_a_trainer_that_hangs_is_given_up_whatever_its_clock_says(skew: timedelta) -> None:
    with world() as sim:
        sim.kuberay.skew = skew
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(40)
        sim.silence(sim.rayjobs("corpus")[0])
        sim.run_for(400)
        assert sim.status(ONE).stages[0].attempts[0].reason == "HeartbeatLost"


@pytest.mark.parametrize("skew", [SLOW, FAST])
def test_a_run_elsewhere_is_waited_for_whatever_its_clock_says(skew: timedelta) -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.vanish(rayjob)
        sim.kuberay.step(rayjob)
        sim.kuberay.pods_go()
        sim.advance(301)
        sim.kuberay.skew = skew
        sim.start_local_run(rayjob, "laptop-1")
        sim.run_for(900)
        assert not sim.rayjobs("corpus")
        assert sim.status(ONE).stages[0].reason == "StageBusy"


def test_a_winner_with_a_slow_clock_is_left_to_end_by_itself() -> None:
    with world() as sim:
        sim.kuberay.skew = SLOW
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(5)
        (rayjob,) = sim.rayjobs("corpus")
        sim.finish(rayjob, "success")
        for copy in sim.copies * 2:  # the last heartbeat, then that there is none
            sim.clock.advance(sim.config.poll_seconds)
            copy.queue.add(ONE)
            copy.run()
        assert sim.status(ONE).stages[0].state == "Done"
        (there,) = sim.rayjobs("corpus")
        assert is_live(there) and there["metadata"]["uid"] == rayjob["metadata"]["uid"]
