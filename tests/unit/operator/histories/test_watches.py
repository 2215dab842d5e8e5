"""What watches and writes leave out, and restarts."""

from lingraft_operator import names
from tests.support.operator.api_server import LA, RAYJOB
from tests.support.operator.histories import ONE, fail, phases, says, world
from tests.support.operator.specs import CHANGES, SHAPES


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


def test_a_restart_changes_nothing_of_what_rests() -> None:
    with world("task", "mini") as sim:
        sim.come_to_rest()
        versions = {key: b["metadata"]["resourceVersion"] for key, b in sim.resources().items()}
        sim.copies[0].start()
        sim.copies[0].run()
        sim.check_rest()
        assert versions == {k: b["metadata"]["resourceVersion"] for k, b in sim.resources().items()}


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
