"""What ends a run for good is what the user wrote; every other cause is waited for."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from lingraft_operator import names
from tests.support.operator.histories import (
    ONE,
    TWO,
    fail,
    launched,
    phases,
    stalled,
    starts,
    world,
)
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import CHANGES, POD_STATES, SHAPES

DAY = 24 * 3600


@pytest.mark.parametrize(
    ("sick", "reason"),
    [
        (lambda sim: sim.missing.add("s3://corpora/sw/"), "InputUnavailable"),
        (lambda sim: sim.refused.update(corpus=True), "RayJobRefused"),
    ],
    ids=["a corpus that is uploaded late", "a webhook that refuses"],
)
def test_what_heals_is_found_out_within_the_hour_and_by_few_looks(
    sick: Callable[[Simulation], None], reason: str
) -> None:
    with world() as sim:
        sick(sim)
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(60)
        stalled(sim, reason)
        version = sim.api.version
        looks = [sim.copies[0].queue.at[ONE]]
        for _ in range(10):
            sim.advance(looks[-1] - sim.clock.monotonic())
            sim.copies[0].work()
            looks.append(sim.copies[0].queue.at[ONE])
        assert sim.api.version == version, "a look that finds nothing new writes nothing"
        waits = [round(b - a) for a, b in pairwise(looks)]
        assert waits == sorted(waits) and waits[0] >= 120 and waits[-1] == 3600
        sim.missing.clear()
        sim.refused.clear()
        sim.run_for(3700)
        assert phases(sim) == ["Running"]


@pytest.mark.parametrize(
    ("state", "grace"), [("has no image", 310), ("has no secret", 310), ("has a bad image", 10)]
)
def test_an_image_or_a_secret_that_comes_late_costs_no_attempt(state: str, grace: int) -> None:
    with world("once") as sim:
        for _ in range(3):
            (rayjob,) = sim.rayjobs("corpus")
            sim.trouble(rayjob, POD_STATES[state])
            sim.run_for(grace)
            assert not sim.rayjobs("corpus"), "nodes are not kept for pods that cannot start"
            stalled(sim, POD_STATES[state]["containerStatuses"][0]["state"]["waiting"]["reason"])
            again = sim.status(ONE).stages[0].not_before
            assert again is not None
            sim.run_for((again - sim.clock.now).total_seconds() + 1)
        sim.run_for(10)
        assert phases(sim) == ["Running"]
        assert [one.counted for one in sim.status(ONE).stages[0].attempts] == [False] * 3 + [True]
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_keys_that_expired_for_good_are_waited_for_without_an_attempt() -> None:
    with world("once") as sim:
        for _ in range(2):
            fail(sim, "corpus", "outside")
            sim.run_for(10)
            assert "exit code 4" in stalled(sim, "CredentialsRefused")
            sim.run_for(250)
        assert not any(one.counted for one in sim.status(ONE).stages[0].attempts if one.ended_at)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_it_says_stalled_until_the_next_attempt_runs() -> None:
    with world("plain") as sim:
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a bad image"])
        sim.kuberay.refused = "no pods yet"
        sim.run_for(200)
        assert sim.rayjobs("corpus")
        assert stalled(sim, "InvalidImageName")


def test_who_shares_a_rayjob_that_cannot_start_loses_no_attempt_either() -> None:
    with world("once", "once") as sim:
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a bad image"])
        sim.run_for(10)
        for key in (ONE, TWO):
            assert [a.counted for a in sim.status(key).stages[0].attempts] == [False]
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] * 2


@pytest.mark.parametrize("how", ["restart", "retry"])
def test_a_restart_and_a_retry_look_at_once(how: str) -> None:
    with world("plain") as sim:
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a bad image"])
        sim.run_for(10)
        assert not sim.rayjobs("corpus")
        if how == "restart":
            sim.copies[0].start()
        else:
            sim.annotate(ONE, names.RETRY, "1")
        sim.run_for(5)
        assert phases(sim) == ["Running"]


@pytest.mark.parametrize("how", ["an edit", "a retry"])
def test_who_asks_anew_does_not_wait(how: str) -> None:
    with world("plain") as sim:
        for _ in range(4):
            sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a bad image"])
            sim.run_for(5)
            assert not sim.rayjobs("corpus")
            if how == "an edit":
                sim.edit(ONE, retry={"maxAttempts": len(starts(sim)) + 1})
            else:
                sim.annotate(ONE, names.RETRY, str(len(starts(sim))))
            sim.run_for(5)


@pytest.mark.parametrize("change", ["too deep", "a bad row"])
def test_what_the_user_wrote_waits_for_an_edit(change: str) -> None:
    with world("plain") as sim:
        if change == "a bad row":
            fail(sim, "corpus", "user")
        else:
            sim.edit(ONE, **CHANGES[change])
        sim.run_for(60)
        assert phases(sim) == ["Stalled"] and not sim.status(ONE).heals
        assert not sim.copies[0].queue.at
        seen = launched(sim, "corpus")
        sim.copies[0].start()
        sim.run_for(DAY)
        assert phases(sim) == ["Stalled"] and launched(sim, "corpus") == seen
