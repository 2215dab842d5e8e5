"""Machines whose clocks are minutes wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.operator.api_server import LA
from tests.support.operator.checks import is_live
from tests.support.operator.histories import ONE, fail, launched, world
from tests.support.operator.simulation import Simulation
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


def move(value: Any, by: timedelta) -> Any:
    """A status as an operator whose clock is ahead would have written it."""
    if isinstance(value, dict):
        return {
            k: (datetime.fromisoformat(v) + by).isoformat()
            if isinstance(v, str) and k.endswith(("At", "Time", "Until", "since", "notBefore"))
            else move(v, by)
            for k, v in value.items()
        }
    return [move(one, by) for one in value] if isinstance(value, list) else value


def start_after_one_that_was_ahead(sim: Simulation, by: timedelta) -> None:
    sim.api.update((LA, *ONE), lambda body: body.update(status=move(body["status"], by)))
    sim.checks.forget()
    sim.copies[0].start()


def test_an_operator_whose_clock_was_ahead_holds_up_no_retry() -> None:
    with world("plain") as sim:
        fail(sim, "corpus", "infrastructure")
        sim.run_for(3)
        assert launched(sim, "corpus") == 1
        start_after_one_that_was_ahead(sim, timedelta(days=3))
        sim.run_for(60)
        assert launched(sim, "corpus") == 2


def test_an_operator_whose_clock_was_ahead_holds_up_no_refresh() -> None:
    with world("followed") as sim:
        sim.come_to_rest()
        start_after_one_that_was_ahead(sim, timedelta(days=3))
        sim.run_for(30 * 3600)
        known = sim.status(ONE).refresh
        assert known is not None
        assert known.last_schedule_time == datetime(2026, 1, 2, 2, tzinfo=UTC)
