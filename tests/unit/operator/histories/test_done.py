"""What is done, and artifacts that go."""

from lingraft_operator import names
from lingraft_operator.decision.done import LOOK_SECONDS
from tests.support.operator.histories import ONE, launched, phases, says, world
from tests.support.operator.settings import STORE


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
    with world("mini") as sim:
        sim.come_to_rest()
        sim.lose_artifacts("mini")
        sim.run_for(3 * LOOK_SECONDS)
        assert phases(sim) == ["Ready"]
        assert launched(sim, "mini") == 1
