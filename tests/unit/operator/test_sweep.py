"""What the sweeper finds out without being told."""

from lingraft_operator.sweep import Sweeper
from tests.support.operator.api_server import LA
from tests.support.operator.copy import OperatorCopy
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
