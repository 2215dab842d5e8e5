"""What the sweeper finds out without being told."""

from unittest.mock import patch

from lingraft_operator.watches.sweep import Sweeper
from tests.support.operator.api_server import LA, POD, Body
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.fake_cluster import FakeCluster
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES

ONE, TWO = ("a", "one"), ("a", "two")


def settled(simulation: Simulation) -> tuple[OperatorCopy, Sweeper]:
    """A copy that has been told of one resource, and its sweeper."""
    simulation.create("a", "one", SHAPES["plain"])
    simulation.come_to_rest()
    (copy,) = simulation.copies
    assert copy.cache.seconds_unseen() == 0
    return copy, copy.sweeper


def test_a_watch_that_keeps_back_what_is_listed_is_found_out() -> None:
    with Simulation().running() as simulation:
        copy, sweeper = settled(simulation)
        simulation.break_watch(copy, LA)
        simulation.edit(ONE, suspend=True)
        simulation.create("a", "two", SHAPES["plain"])
        simulation.advance(100)
        assert copy.cache.seconds_unseen() == 0, "nobody can know"
        sweeper.compare()
        simulation.advance(200)
        assert copy.cache.seconds_unseen() == 200
        copy.list_again()
        copy.run()
        assert copy.cache.seconds_unseen() == 0
        simulation.come_to_rest()


def test_comparing_finds_nothing_where_the_watch_works() -> None:
    with Simulation().running() as simulation:
        copy, sweeper = settled(simulation)
        simulation.edit(ONE, suspend=True)
        simulation.come_to_rest()
        sweeper.compare()
        simulation.advance(500)
        assert copy.cache.seconds_unseen() == 0


def test_a_resource_that_went_untold_is_forgotten() -> None:
    with Simulation().running() as simulation:
        copy, sweeper = settled(simulation)
        simulation.break_watch(copy, LA)
        simulation.remove(ONE)
        sweeper.compare()
        assert copy.cache.resource(ONE) is None
        assert copy.cache.seconds_unseen() == 0


def test_writes_one_after_the_other_do_not_hide_a_dead_watch() -> None:
    with Simulation().running() as simulation:
        simulation.create("a", "one", SHAPES["plain"])
        simulation.run_for(5)
        (copy,) = simulation.copies
        simulation.break_watch(copy, LA)
        for number in range(5):
            simulation.run_for(60)
            assert copy.cache.seconds_unseen() >= 60 * number
        copy.list_again()
        simulation.come_to_rest()


def test_a_resource_that_is_being_deleted_is_owed_by_nobody() -> None:
    with Simulation().running() as simulation:
        copy, sweeper = settled(simulation)
        simulation.api.update((LA, *ONE), lambda b: b["metadata"].update(finalizers=["a/tenant's"]))
        simulation.api.delete((LA, *ONE))
        copy.run()
        sweeper.compare()
        simulation.advance(500)
        assert copy.cache.seconds_unseen() == 0


def test_one_that_came_and_went_since_the_listing_is_owed_by_nobody() -> None:
    with Simulation().running() as simulation:
        copy, sweeper = settled(simulation)
        simulation.create("a", "two", SHAPES["plain"])
        listed = {ONE: 10**6, TWO: 10**6}
        simulation.remove(TWO)
        with patch.object(FakeCluster, "resource_versions", lambda *_: listed):
            sweeper.compare()
        assert copy.cache.seconds_unseen() == 0
        simulation.advance(10)
        assert copy.cache.seconds_unseen() == 10, "the other one changed, and nobody said so"
        copy.cache.put_resource(one_at(simulation, 10**6))


def one_at(simulation: Simulation, version: int) -> Body:
    body = simulation.resources()[ONE]
    return body | {"metadata": body["metadata"] | {"resourceVersion": str(version)}}


def test_an_event_that_comes_before_the_answer_to_the_write_pays_for_it() -> None:
    with Simulation().running() as simulation:
        copy, _ = settled(simulation)
        body = one_at(simulation, 10**6)
        copy.cache.put_resource(body)
        copy.cache.put_resource(body, answer=True)
        simulation.advance(10)
        assert copy.cache.seconds_unseen() == 0


def test_the_end_of_a_former_resource_is_not_that_of_the_new_one() -> None:
    with Simulation().running() as simulation:
        copy, _ = settled(simulation)
        old = simulation.resources()[ONE]
        new = old | {"metadata": old["metadata"] | {"uid": "new", "resourceVersion": "1000000"}}
        copy.cache.put_resource(new)
        copy._handlers[LA]("DELETED", old)
        found = copy.cache.resource(ONE)
        assert found is not None and found.uid == "new"


def test_pods_that_went_untold_are_forgotten() -> None:
    with Simulation().running() as simulation:
        simulation.create("a", "one", SHAPES["plain"])
        simulation.run_for(5)
        (copy,) = simulation.copies
        assert copy.cache.pods()
        simulation.break_watch(copy, POD)
        (rayjob,) = simulation.working()
        simulation.vanish(rayjob)
        simulation.run_for(1)
        there = simulation.api.uids(POD)
        assert copy.cache.pods().keys() - there, "the pod of the RayJob that vanished"
        copy.sweeper.forget_pods()
        assert copy.cache.pods().keys() <= there
        copy.list_again()
        simulation.come_to_rest()
