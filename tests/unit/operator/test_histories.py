"""Histories in which the operator once went wrong, and those that the design names."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from lingraft.stage import CPU_MICRO_BATCH_TOKENS
from lingraft_operator import names
from lingraft_operator.done import LOOK_SECONDS
from tests.support.operator.api_server import LA, RAYJOB
from tests.support.operator.checks import is_live, owners_of, stage_of
from tests.support.operator.simulation import STORE, Simulation, config
from tests.support.operator.specs import CHANGES, POD_STATES, SHAPES, spec, task

ONE, TWO = ("a", "one"), ("a", "two")


@contextmanager
def world(*shapes: str, copies: int = 1, **settings: Any) -> Iterator[Simulation]:
    """Resources one, two ... in namespace a, whose first stages run; at the end all is checked."""
    with Simulation(config(**settings)).running(copies) as simulation:
        for name, shape in zip(("one", "two", "three"), shapes, strict=False):
            simulation.create("a", name, SHAPES[shape])
        simulation.run_for(5)
        yield simulation
        simulation.come_to_rest()
        simulation.check_rest()


def phases(simulation: Simulation) -> list[str]:
    return [simulation.status(key).phase for key in simulation.resources()]


def launched(simulation: Simulation, stage: str) -> int:
    """How many attempts at a stage there were, over all resources."""
    uids = {
        attempt.uid
        for key in simulation.resources()
        for one in simulation.status(key).stages
        for attempt in one.attempts
        if one.name == stage
    }
    return len(uids)


def fail(simulation: Simulation, stage: str, outcome: Any) -> None:
    (rayjob,) = simulation.rayjobs(stage)
    simulation.finish(rayjob, outcome)
    simulation.kuberay.step(rayjob)


def test_languages_on_one_base_share_what_they_can() -> None:
    with world() as sim:
        for language in ("sw", "fr", "yo", "am", "ti"):
            shape = spec(language, method="MiniPost", tasks=[task(test=f"s3://tasks/{language}/")])
            sim.create("a", language, shape)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] * 5
        for stage, count in {"mini": 1, "finetune-xnli-0": 1, "corpus": 5, "graft": 5}.items():
            assert launched(sim, stage) == count


def test_editing_a_task_runs_only_what_depends_on_it() -> None:
    with world("task") as sim:
        sim.come_to_rest()
        before = {body["metadata"]["uid"] for body in sim.rayjobs()}
        sim.edit(ONE, **CHANGES["other epochs"])
        sim.come_to_rest()
        new = [b for b in sim.rayjobs() if b["metadata"]["uid"] not in before]
        assert sorted(stage_of(b).partition("/")[0] for b in new) == ["finetune", "graft"]


def test_whoever_leaves_a_shared_rayjob_leaves_it_to_the_others() -> None:
    with world("task", "task") as sim:
        uids = {b["metadata"]["uid"] for b in sim.rayjobs()}
        assert all(len(owners_of(b)) == 2 for b in sim.rayjobs())
        sim.edit(ONE, suspend=True)
        sim.run_for(5)
        assert {b["metadata"]["uid"] for b in sim.rayjobs()} == uids
        sim.remove(TWO)
        sim.run_for(5)
        assert not sim.rayjobs()
        assert phases(sim) == ["Suspended"]


def test_a_user_error_is_final_for_all_who_share_the_stage() -> None:
    with world("task", "task") as sim:
        fail(sim, "corpus", "user")
        sim.run_for(700)
        assert phases(sim) == ["Stalled"] * 2
        assert launched(sim, "corpus") == 1
        assert sim.status(ONE).conditions[0].reason == "userError"
        sim.annotate(ONE, names.RETRY, "1")
        sim.come_to_rest()
        assert phases(sim) == ["Ready", "Stalled"]


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


def test_a_run_elsewhere_is_waited_for() -> None:
    with world("plain") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        sim.vanish(rayjob)
        sim.kuberay.step(rayjob)
        sim.kuberay.pods_go()
        sim.advance(301)
        sim.start_local_run(rayjob, "laptop-1")
        sim.run_for(120)
        assert not sim.rayjobs("corpus")
        assert sim.status(ONE).stages[0].state == "Queued"
        sim.end_local_runs("success")
        sim.come_to_rest()
        assert launched(sim, "corpus") == 1


def test_two_namespaces_take_turns_at_one_stage() -> None:
    with world("plain") as sim:
        sim.create("b", "other", SHAPES["plain"])
        sim.run_for(40)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] * 2


def test_slots_go_to_the_oldest() -> None:
    pools = {"large": {"maxConcurrentStages": 1}}
    with world("task", "french", "secret", pools=pools) as sim:
        live = [owners_of(b) for b in sim.rayjobs("finetune")]
        one = sim.resources()[ONE]["metadata"]["uid"]
        assert len(live) == 1 and one in live[0]


def test_a_quota_that_is_full_is_asked_again() -> None:
    with world() as sim:
        sim.refused["corpus"] = False
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(60)
        ready, reconciling = sim.status(ONE).conditions[:2]
        assert (reconciling.type, reconciling.reason) == ("Reconciling", "RayJobRefused")
        assert ready.status == "False"
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_a_resource_that_went_unseen_is_forgotten() -> None:
    with world() as sim:
        copy = sim.copies[0]
        sim.create(*ONE, SHAPES["plain"])
        copy.deliver_all()
        sim.break_watch(copy, LA)
        sim.remove(ONE)
        sim.run_for(60)
        copy.list_again()
        sim.run_for(60)
        assert not sim.rayjobs()


def test_a_copy_whose_watch_is_behind_ends_nothing() -> None:
    with world(copies=2) as sim:
        ahead, behind = sim.copies
        sim.create(*ONE, SHAPES["plain"])
        ahead.run()
        for stream in [stream for stream in behind.watch.streams if stream[0] == LA]:
            behind.deliver(stream, 10)
        behind.work()
        behind.work()
        assert sim.status(ONE).stages[0].attempts[0].ended_at is None
        assert len(sim.rayjobs()) == 1


def test_a_copy_that_missed_an_edit_leaves_nothing() -> None:
    with world("once", copies=2) as sim:
        ahead, behind = sim.copies
        sim.break_watch(behind, LA)
        sim.edit(ONE, **CHANGES["other secret"])
        ahead.run()
        behind.deliver_all()
        behind.queue.add(ONE)
        behind.work()
        assert len(sim.rayjobs("corpus")) >= 1
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


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


def test_a_deletion_that_the_watch_missed_holds_up_no_retry() -> None:
    with world("plain") as sim:
        copy = sim.copies[0]
        (rayjob,) = sim.rayjobs("corpus")
        fail(sim, "corpus", "infrastructure")
        copy.run()
        sim.vanish(rayjob)
        copy.run()
        sim.break_watch(copy, "rayjobs")
        sim.kuberay.step(sim.rayjobs("corpus")[0])
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_other_credentials_in_the_middle_of_a_stage_count_as_no_attempt() -> None:
    with world("once") as sim:
        sim.edit(ONE, **CHANGES["other secret"])
        sim.run_for(5)
        first, second = sim.status(ONE).stages[0].attempts
        assert (first.reason, first.counted, second.ended_at) == ("Replaced", False, None)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_who_has_failed_for_good_joins_nobody() -> None:
    with world("once") as sim:
        fail(sim, "corpus", "infrastructure")
        sim.run_for(60)
        assert phases(sim) == ["Stalled"]
        sim.create(*TWO, SHAPES["task"])
        sim.run_for(60)
        sim.copies[0].queue.add(ONE)
        sim.run_for(60)
        assert phases(sim) == ["Stalled", "Running"]
        assert len(owners_of(sim.rayjobs("corpus")[0])) == 1


def test_a_restart_changes_nothing_of_what_rests() -> None:
    with world("task", "mini") as sim:
        sim.come_to_rest()
        versions = {key: b["metadata"]["resourceVersion"] for key, b in sim.resources().items()}
        sim.copies[0].start()
        sim.copies[0].run()
        sim.check_rest()
        assert versions == {k: b["metadata"]["resourceVersion"] for k, b in sim.resources().items()}


def says(simulation: Simulation) -> dict[str, str]:
    return {one.type: one.status for one in simulation.status(ONE).conditions}


def test_what_was_found_of_one_generation_is_not_said_of_the_next() -> None:
    with world("gate") as sim:
        sim.come_to_rest()
        assert says(sim)["QualityGatePassed"] == "True"
        sim.sources_away = True
        sim.edit(ONE, corpus={"uri": "s3://corpora/other/"})
        sim.run_for(5)
        assert set(says(sim)) == {"Ready", "Reconciling"}


def test_a_webhook_that_is_away_is_told_in_the_status() -> None:
    with world() as sim:
        (copy,) = sim.copies
        sim.create("a", "one", SHAPES["plain"])
        copy.faults.append("unavailable")
        copy.deliver_all()
        copy.work()
        status = sim.status(ONE)
        assert status.plan is not None
        (told,) = [one for one in status.conditions if one.type == "Reconciling"]
        assert told.reason == "ApiServerUnavailable" and "503" in told.message


def test_a_rayjob_with_a_spoilt_annotation_stops_nobody() -> None:
    with world("plain") as sim:
        for text in ("x", "0", "9" * 40, "-1"):
            for rayjob in sim.rayjobs():
                meta = rayjob["metadata"]
                notes = meta["annotations"] | {names.MICRO_BATCH_TOKENS: text}
                ref = (RAYJOB, meta["namespace"], meta["name"])
                sim.api.update(ref, lambda b, n=notes: b["metadata"].update(annotations=n))
            sim.copies[0].start()
            sim.run_for(40)


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
        for copy in sim.copies:
            copy.queue.add(ONE)
            copy.run()
        assert sim.status(ONE).stages[0].state == "Done"
        (there,) = sim.rayjobs("corpus")
        assert is_live(there) and there["metadata"]["uid"] == rayjob["metadata"]["uid"]


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


def test_a_queue_that_is_stopped_holds_up_no_other_tenant() -> None:
    pools = {"small": {"maxConcurrentStages": 1}}
    with world(pools=pools) as sim:
        sim.create(*ONE, SHAPES["plain"])
        for copy in sim.copies:
            copy.run()
        sim.suspend_rayjob(sim.rayjobs("corpus")[0], True)
        sim.create("b", "other", spec("fr"))
        sim.run_for(40)
        assert sim.status(ONE).stages[0].reason == "WaitingForQueue"
        assert sim.status(("b", "other")).stages[0].state == "Running"


def test_slots_go_around_among_namespaces() -> None:
    pools = {"small": {"maxConcurrentStages": 2}}
    with world(pools=pools) as sim:
        for number in range(4):
            sim.create("a", f"old-{number}", spec(f"a{'abcd'[number]}"))
        sim.run_for(5)
        sim.advance(60)
        sim.create("b", "new", spec("fr"))
        sim.run_for(5)
        (oldest, *_) = sim.rayjobs("corpus")
        sim.finish(oldest, "success")
        sim.run_for(40)
        live = {b["metadata"]["namespace"] for b in sim.rayjobs() if is_live(b)}
        assert live == {"a", "b"}


def test_artifacts_that_are_gone_are_said_and_computed_again_if_asked_for() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.lose_artifacts("graft")
        sim.copies[0].start()
        sim.run_for(2 * LOOK_SECONDS)
        ready = sim.status(ONE).conditions[0]
        assert (ready.type, ready.status, ready.reason) == ("Ready", "False", "ArtifactsGone")
        assert "/graft/" in ready.message and names.RETRY in ready.message
        assert sim.status(ONE).heals
        assert says(sim)["EmbeddingsTrained"] == "True"
        assert launched(sim, "graft") == 1, "nobody asked for it"
        sim.annotate(ONE, names.RETRY, "1")
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
        assert (launched(sim, "graft"), launched(sim, "embed")) == (2, 1)


def test_artifacts_that_are_back_are_ready_again() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        store = sim.store_at(STORE)
        kept = {key: store.get(key) for key in store.everything() if key.startswith("embed/")}
        sim.lose_artifacts("embed")
        sim.run_for(2 * LOOK_SECONDS)
        assert (says(sim)["Ready"], says(sim)["EmbeddingsTrained"]) == ("False", "False")
        for key, found in kept.items():
            assert found is not None
            store.put(key, found[0])
        sim.run_for(3700)
        assert (says(sim)["Ready"], says(sim)["EmbeddingsTrained"]) == ("True", "True")


def test_a_store_that_is_away_says_nothing_of_artifacts() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.refuse(True)
        sim.run_for(3 * LOOK_SECONDS)
        assert phases(sim) == ["Ready"]
        sim.refuse(False)


def test_what_lies_between_artifacts_may_be_cleaned_up() -> None:
    with world("task") as sim:
        sim.come_to_rest()
        sim.lose_artifacts("finetune")
        sim.run_for(3 * LOOK_SECONDS)
        assert phases(sim) == ["Ready"]
        assert launched(sim, "finetune-xnli-0") == 1
