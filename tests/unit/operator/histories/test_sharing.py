"""Stages that several resources want, and what one of them does to the others."""

from lingraft_operator import names
from tests.support.operator.checks import owners_of, stage_of
from tests.support.operator.histories import ONE, TWO, fail, launched, phases, world
from tests.support.operator.specs import CHANGES, SHAPES, spec, task


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
