"""Who may start when there is not room for all."""

from tests.support.operator.checks import is_live, owners_of
from tests.support.operator.histories import ONE, phases, world
from tests.support.operator.specs import SHAPES, spec


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
