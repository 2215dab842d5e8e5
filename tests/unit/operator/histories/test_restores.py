"""An etcd that is restored from a backup, under an operator that runs: versions go back."""

import pytest

from lingraft_operator import names
from tests.support.operator.histories import ONE, phases, world
from tests.support.operator.specs import CHANGES, SHAPES
from tests.support.operator.trainer import Outcome


@pytest.mark.parametrize("outcome", ["success", "infrastructure"])
def test_what_ran_goes_on(outcome: Outcome) -> None:
    with world("plain", "task") as sim:
        saved = sim.api.backup()
        for rayjob in sim.rayjobs():
            sim.finish(rayjob, outcome)
        sim.run_for(100)
        sim.restore(saved)
        sim.run_for(600)  # it would spin, each write a conflict with what is known
        sim.come_to_rest()
        assert phases(sim) == ["Ready", "Ready"]


def test_an_edit_that_looks_older_than_what_is_known_is_obeyed() -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        saved = sim.api.backup()
        for value in ("x", "y"):
            sim.annotate(ONE, names.RETRY, value)
            sim.run_for(60)
        sim.restore(saved)
        sim.run_for(5)
        sim.edit(ONE, **CHANGES["seed"])
        sim.run_for(5)
        sim.copies[0].sweeper.compare()  # every five minutes
        sim.run_for(5)
        assert sim.status(ONE).observed_generation == 2
        sim.come_to_rest()
        assert sim.status(ONE).retry == "" and phases(sim) == ["Ready"]


def test_a_name_that_was_given_again_is_who_it_was() -> None:
    with world("plain") as sim:
        saved = sim.api.backup()
        sim.remove(ONE)
        sim.run_for(60)
        sim.create(*ONE, SHAPES["mini"])
        sim.run_for(60)
        sim.restore(saved)
        sim.run_for(60)
        sim.copies[0].sweeper.compare()
        sim.run_for(60)
        assert {one.name for one in sim.status(ONE).stages} == {"corpus", "embed", "graft"}


def test_what_was_made_after_the_backup_is_forgotten() -> None:
    with world("plain") as sim:
        saved = sim.api.backup()
        sim.create("b", "late", SHAPES["mini"])
        sim.run_for(60)
        sim.restore(saved)
        sim.copies[0].sweeper.compare()
        sim.run_for(60)
        assert sim.copies[0].cache.keys() == [ONE]
