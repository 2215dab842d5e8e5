"""What ends a run for good is what the user wrote; every other cause is waited for."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from lingraft.hub.mirror import VARIABLE
from lingraft_operator import names
from lingraft_operator.healing import LONGEST, SHORTEST, look_again_at, wait_after
from lingraft_operator.stuck import trouble_of_events
from tests.support.operator.clock import START
from tests.support.operator.simulation import STORE, Simulation, config
from tests.support.operator.specs import CHANGES, POD_STATES, SHAPES, spec
from tests.support.operator.views import attempt
from tests.unit.operator.test_histories import ONE, TWO, fail, launched, phases, world

DAY = 24 * 3600
NOTHING = config(access=[])


def stalled(sim: Simulation, reason: str, key: Any = ONE) -> str:
    """That a resource says Stalled for a reason, and that it will heal; its message."""
    status = sim.status(key)
    (said,) = [one for one in status.conditions if one.type == "Stalled"]
    assert (said.reason, status.heals) == (reason, True), sim.describe()
    return said.message


def starts(sim: Simulation) -> list[Any]:
    """When each attempt at the first stage began."""
    return [one.started_at for one in sim.status(ONE).stages[0].attempts]


def test_access_that_is_given_to_a_resource_of_yesterday_sets_it_going() -> None:
    with Simulation(NOTHING).running() as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(DAY)
        assert "may not use" in stalled(sim, "AccessDenied")
        sim.configure(config())
        sim.run_for(5)
        assert phases(sim) == ["Running"]


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


def test_an_image_that_the_chart_corrects_reaches_what_was_planned_with_the_wrong_one() -> None:
    with Simulation(config(trainerImage="lingraft/trainer:typo")).running() as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(5)
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has no image"])
        sim.run_for(310)
        sim.configure(config())
        sim.run_for(5)
        plan = sim.status(ONE).plan
        assert plan is not None and plan.trainer_image == "lingraft/trainer:1"
        (rayjob,) = sim.rayjobs("corpus")
        assert "lingraft/trainer:1" in str(rayjob) and "typo" not in str(rayjob)


def test_a_sidecar_without_an_image_says_nothing_of_the_trainers() -> None:
    with world() as sim:
        sim.kuberay.held = True
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(5)
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a sidecar without an image"])
        sim.run_for(310)
        stalled(sim, "SidecarImagePullBackOff")
        sim.configure(config(trainerImage="lingraft/trainer:2"))
        sim.run_for(5)
        plan = sim.status(ONE).plan
        assert plan is not None and plan.trainer_image == "lingraft/trainer:1"
        sim.kuberay.held = False


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


def test_a_bad_upgrade_stops_nothing_and_its_rollback_goes_on() -> None:
    with world("task", "french", "mini", "gate") as sim:
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.configure(NOTHING)
        sim.run_for(3600)
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        for key in sim.resources():
            stalled(sim, "AccessDenied", key)
        sim.configure(config())
        sim.run_for(5)
        assert set(phases(sim)) == {"Running"}
        attempts = [s.attempts for k in sim.resources() for s in sim.status(k).stages]
        assert all(len(one) <= 1 and all(a.counted for a in one) for one in attempts)


@pytest.mark.parametrize("setting", ["store", "hubMirror"])
def test_a_setting_that_vanishes_stops_nothing_either(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "s3://models/hub/")
    shape = spec(base={"uri": "hf://org/name"}) if setting == "hubMirror" else spec()
    if setting == "store":
        del shape["store"]
    with Simulation(config(store={"uri": STORE})).running() as sim:
        sim.create(*ONE, shape)
        sim.run_for(5)
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        monkeypatch.delenv(VARIABLE)
        sim.configure(config(store=None if setting == "store" else {"uri": STORE}))
        sim.run_for(600)
        stalled(sim, "NotConfigured")
        assert uids and {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        monkeypatch.setenv(VARIABLE, "s3://models/hub/")
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


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


def test_what_may_no_longer_read_its_corpus_ends_what_runs_and_starts_nothing() -> None:
    less = config(access=[{"namespace": "*", "prefixes": ["s3://lingraft/", "s3://models/"]}])
    with world("plain") as sim:
        sim.configure(less)
        sim.run_for(60)
        assert sim.status(ONE).stages[0].progress is not None, "the store may be read still"
        for rayjob in sim.rayjobs():
            sim.finish(rayjob, "success")
        sim.run_for(DAY)
        assert sim.status(ONE).stages[0].state == "Done"
        stalled(sim, "AccessDenied")
        assert [s.name for s in sim.status(ONE).stages if s.attempts] == ["corpus"]


def test_what_is_done_needs_no_access() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.configure(NOTHING)
        sim.copies[0].queue.add(ONE)
        reads = sim.reads
        sim.run_for(DAY)
        assert phases(sim) == ["Ready"] and sim.reads == reads


def test_a_refresh_that_finds_nothing_is_told_of_though_all_is_done() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.missing.add("s3://corpora/sw/")
        sim.annotate(ONE, names.REFRESH, "1")
        sim.run_for(60)
        stalled(sim, "InputUnavailable")
        sim.missing.clear()
        sim.run_for(3700)
        assert phases(sim) == ["Ready"]


def test_an_operator_that_knows_less_than_the_one_before_stops_nothing() -> None:
    """A roll-back of the chart over resources that use a newer field."""
    with world("plain") as sim:
        uids = {body["metadata"]["uid"] for body in sim.rayjobs()}
        ref = ("languageadaptations", *ONE)
        fields = {"spec": spec() | {"unheardOf": 1}}
        sim.api.objects[ref].update(fields)  # as it was stored: no new generation
        sim.copies[0].start()
        sim.run_for(600)
        stalled(sim, "NoLongerValid")
        assert {body["metadata"]["uid"] for body in sim.rayjobs()} == uids
        sim.api.objects[ref].update(spec=spec())
        sim.copies[0].start()


def test_a_quota_that_stays_full_is_told_in_its_own_words_and_costs_no_attempt() -> None:
    words = "pods is forbidden: exceeded quota: team-a, used: limits.cpu=8"
    with world() as sim:
        sim.kuberay.refused = words
        sim.create(*ONE, SHAPES["once"])
        sim.run_for(60)
        corpus = sim.status(ONE).stages[0]
        assert (corpus.reason, corpus.message) == ("PodsRefused", words)
        for _ in range(5):
            sim.run_for(3700)
        assert words in stalled(sim, "PodsRefused")
        attempts = sim.status(ONE).stages[0].attempts
        assert len(attempts) > 2 and not any(one.counted for one in attempts if one.ended_at)
        assert {one.message for one in attempts if one.ended_at} == {words}
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


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


def test_a_pod_that_never_gets_its_volume_or_address_is_told_of_by_its_events() -> None:
    with world() as sim:
        sim.kuberay.held = True
        sim.create(*ONE, SHAPES["once"])
        sim.run_for(40)
        (rayjob,) = sim.rayjobs("corpus")
        pod = sim.kuberay.pod(rayjob["metadata"]["uid"])
        assert pod is not None
        note = 'configmap "company-ca" not found'
        sim.events[pod["metadata"]["uid"]] = [
            event(sim, 5, "Normal", "Scheduled", "to node-1"),
            event(sim, 9, "Warning", "FailedMount", note),
        ]
        sim.run_for(130)
        corpus = sim.status(ONE).stages[0]
        assert corpus.reason == "FailedMount" and note in corpus.message
        assert not sim.status(ONE).heals, "it may be well within minutes"
        sim.run_for(310)
        assert note in stalled(sim, "FailedMount")
        assert not any(one.counted for one in sim.status(ONE).stages[0].attempts if one.ended_at)
        sim.kuberay.held = False


def event(sim: Simulation, version: int, kind: str, reason: str, note: str) -> dict[str, Any]:
    at = {"resourceVersion": str(version)}  # of a server whose clock is slow
    at["creationTimestamp"] = (sim.clock.now - timedelta(minutes=10)).isoformat()
    about = {"kind": "Pod", "name": "head"}
    return {"metadata": at, "type": kind, "reason": reason, "note": note, "regarding": about}


def test_only_the_newest_event_says_what_keeps_a_pod() -> None:
    with Simulation().running(0) as sim:
        failed = event(sim, 2, "Warning", "FailedMount", "no such ConfigMap")
        probe = event(sim, 3, "Warning", "Unhealthy", "not ready yet")
        pulling = event(sim, 4, "Normal", "Pulling", "an image")
        assert trouble_of_events([]) is None
        assert trouble_of_events([failed]) is not None
        assert trouble_of_events([pulling, failed]) is None
        assert trouble_of_events([failed, probe]) is None


def test_waits_double_up_to_an_hour() -> None:
    outside = attempt(failure_class="outside", counted=False)
    other = attempt(failure_class="infrastructure")
    waits = [wait_after([other, *[outside] * n]) for n in range(1, 12)]
    assert waits[:3] == [SHORTEST, 2 * SHORTEST, 4 * SHORTEST]
    assert waits == sorted(waits) and waits[-1] == LONGEST
    assert wait_after([outside, outside, other]) == SHORTEST
    assert look_again_at((), START) - START == timedelta(minutes=2)
