"""What is published, rolled back by an annotation, and published again: no two fight."""

from datetime import timedelta
from typing import Any

import pytest

from lingraft.publish import Place
from lingraft.status import PublishedStatus
from lingraft_operator import names
from lingraft_operator.decision.done import LOOK_SECONDS
from tests.support.operator.histories import ONE, phases, world
from tests.support.operator.settings import STORE, config
from tests.support.operator.simulation import Simulation

PLACE = f"{STORE}published/"
CORPUS = "s3://corpora/sw/"


def place(sim: Simulation) -> Place:
    return Place(sim.store_at(PLACE), now=sim.clock.read)


def said(sim: Simulation) -> PublishedStatus:
    found = sim.status(ONE).published
    assert found is not None
    return found


def notes(sim: Simulation) -> list[str]:
    about = ("Published", "RolledBack", "RollbackFailed")
    return [note.reason for _, note in sim.notes if note.reason in about]


def publish_another(sim: Simulation) -> str:
    """The corpus changes, and is looked up: another version; its name."""
    sim.uploads[CORPUS] += 1
    sim.annotate(ONE, names.REFRESH, str(sim.uploads[CORPUS]))
    sim.come_to_rest()
    return said(sim).version or ""


def test_a_roll_back_and_what_is_published_after_it() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        first, since = said(sim).version or "", said(sim).since
        assert (said(sim).by, said(sim).previous, said(sim).asked) == ("publish", None, "")
        sim.advance(60)
        second = publish_another(sim)
        assert second != first and (said(sim).previous, said(sim).by) == (first, "publish")
        sim.advance(60)
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(5)
        back = said(sim)
        assert place(sim).current() and (back.version, back.by) == (first, "rollback")
        assert back.since and since and back.since - since > timedelta(seconds=119)
        assert (back.asked, back.previous) == (first, second)
        assert back.rollback.endswith(f", in the place of {second}")
        assert phases(sim) == ["Ready"]
        version = sim.api.version
        sim.come_to_rest()
        sim.run_for(3 * LOOK_SECONDS)
        assert sim.api.version == version, "nobody asked for more"
        sim.annotate(ONE, names.RETRY, "1")  # the same model again: it was rolled back from
        sim.come_to_rest()
        assert said(sim).version == first and len(notes(sim)) == 3
        third = publish_another(sim)
        assert third not in (first, second)
        assert (said(sim).previous, said(sim).by, said(sim).asked) == (first, "publish", first)
        sim.run_for(3 * LOOK_SECONDS)
        assert said(sim).version == third, "the annotation was obeyed once"
        sim.annotate(ONE, names.ROLLBACK, "")
        sim.run_for(5)
        assert said(sim).version == third and said(sim).asked == ""
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(5)
        assert said(sim).version == first
        now = place(sim).current()
        assert now and [one.version for one in now.history] == [first, second, first, third, first]
        told = ["Published", "Published", "RolledBack", "Published", "RolledBack"]
        assert notes(sim) == told


def test_what_is_published_stays_so_while_the_next_is_computed() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        before = said(sim)
        sim.uploads[CORPUS] += 1
        sim.annotate(ONE, names.REFRESH, "1")
        sim.run_for(60)
        assert any(stage.state == "Running" for stage in sim.status(ONE).stages)
        assert said(sim) == before


def test_a_turn_by_the_command_line_is_seen_when_it_is_looked_at() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        first = said(sim).version or ""
        publish_another(sim)
        place(sim).roll_back(first)
        sim.run_for(2 * LOOK_SECONDS)
        assert (said(sim).version, said(sim).by) == (first, "rollback")


def test_a_turn_by_the_command_line_is_seen_at_once_by_an_annotation_of_the_same() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        first = said(sim).version or ""
        publish_another(sim)
        place(sim).roll_back(first)
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(5)
        assert (said(sim).version, said(sim).asked) == (first, first)
        now = place(sim).current()
        assert now and len(now.history) == 3 and notes(sim)[-1] == "RolledBack"


@pytest.mark.parametrize("asked", ["0123456789ab", "../x", "y" * 5000])
def test_a_version_that_is_not_there_is_said_and_tried_once(asked: str) -> None:
    with world("published") as sim:
        sim.come_to_rest()
        holds = said(sim).version
        sim.annotate(ONE, names.ROLLBACK, asked)
        sim.run_for(5)
        assert "is no whole version; there are: " + str(holds) in said(sim).rollback
        assert said(sim).rollback.startswith("lingraft.dev/rollback: s3://lingraft/published/:")
        assert said(sim).version == holds and phases(sim) == ["Ready"]
        version = sim.api.version
        sim.run_for(3600)
        assert sim.api.version == version and notes(sim)[-1] == "RollbackFailed"


@pytest.mark.parametrize("how", ["away", "forbidden"])
def test_a_place_that_cannot_be_written_is_tried_again(how: str) -> None:
    def break_(sim: Simulation, value: bool) -> None:
        if how == "away":
            sim.store_at(PLACE).refusing = value
        else:
            prefixes = ["s3://corpora/", "s3://models/", f"{STORE}other/"]
            rules: list[dict[str, Any]] = [{"namespace": "*", "prefixes": prefixes}]
            sim.configure(config(access=rules) if value else config())

    with world("published") as sim:
        sim.come_to_rest()
        first, second = said(sim).version or "", publish_another(sim)
        break_(sim, True)
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(30)
        assert (said(sim).version, said(sim).asked) == (second, "")
        assert said(sim).rollback.endswith("; it is tried again")
        assert phases(sim) == ["Ready"]
        break_(sim, False)
        sim.run_for(300)
        assert (said(sim).version, said(sim).asked) == (first, first)


@pytest.mark.parametrize("suspend", [False, True])
def test_who_publishes_nowhere_is_told_once_that_it_is_in_vain(suspend: bool) -> None:
    with world("plain") as sim:
        sim.come_to_rest()
        sim.edit(ONE, suspend=suspend)
        sim.run_for(5)
        sim.annotate(ONE, names.ROLLBACK, "0123456789ab")
        sim.run_for(5)
        assert said(sim).rollback.startswith("lingraft.dev/rollback: this resource publishes")
        assert (said(sim).version, said(sim).asked) == (None, "0123456789ab")
        assert phases(sim) == ["Suspended" if suspend else "Ready"]
        version = sim.api.version
        sim.run_for(3 * LOOK_SECONDS)
        assert sim.api.version == version and notes(sim) == ["RollbackFailed"]
        sim.annotate(ONE, names.ROLLBACK, "")
        sim.run_for(5)
        assert sim.status(ONE).published is None and notes(sim) == ["RollbackFailed"]
        sim.edit(ONE, suspend=False)


def test_who_was_told_so_and_publishes_then_is_rolled_back() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        first = said(sim).version or ""
        second = publish_another(sim)
        sim.edit(ONE, publish=None)
        sim.come_to_rest()
        assert sim.status(ONE).published is None
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(5)
        assert said(sim).uri == "" and notes(sim)[-1] == "RollbackFailed"
        sim.edit(ONE, publish={"uri": PLACE})
        sim.come_to_rest()
        assert (said(sim).version, said(sim).asked, said(sim).previous) == (first, first, second)


def test_a_suspended_resource_is_rolled_back_too() -> None:
    with world("published") as sim:
        sim.come_to_rest()
        first = said(sim).version or ""
        publish_another(sim)
        sim.edit(ONE, suspend=True)
        sim.run_for(5)
        sim.annotate(ONE, names.ROLLBACK, first)
        sim.run_for(5)
        assert (said(sim).version, phases(sim)) == (first, ["Suspended"])
        sim.edit(ONE, suspend=False)
