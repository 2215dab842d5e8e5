"""A store is a boundary of trust only if it is one: who wrote what is taken, and whose it is."""

import json

from lingraft_operator.observation.looks import DONE_SECONDS
from lingraft_operator.watches.objects import rayjob_of
from tests.support.operator.histories import ONE, phases, stalled
from tests.support.operator.settings import STORE, config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES

THEIRS = ("b", "one")
ALLOWED = ["s3://corpora/", "s3://models/", "s3://tasks/", STORE + "{namespace}/"]


def written_by(sim: Simulation, key: tuple[str, str]) -> set[str | None]:
    return {stage.written_by for stage in sim.status(key).stages}


def test_a_cached_artifact_says_whose_it_is_and_unknown_where_nobody_did() -> None:
    with Simulation(config()).running(1) as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.come_to_rest()
        assert written_by(sim, ONE) == {"a/one"}
        store = sim.store_at(STORE)
        (corpus,) = [k for k in store.everything() if k.startswith("corpus/") and "manifest" in k]
        for said in ({}, {"writtenBy": 7}, {"writtenBy": "system:admin" * 999}):
            manifest = json.loads((store.get(corpus) or (b"", ""))[0])
            store.put(corpus, json.dumps(manifest | {"environment": said}).encode())
            sim.run_for(DONE_SECONDS + 1)
            sim.create("b", f"one-{len(str(said))}", SHAPES["plain"])
        sim.come_to_rest()
        for key in sim.resources():
            if key[0] == "b":
                assert written_by(sim, key) == {"a/one", "unknown"}
                assert all(stage.cached for stage in sim.status(key).stages)
        sim.check_rest()


def test_by_one_prefix_for_each_namespace_nothing_is_shared_and_nobody_may_reach_over() -> None:
    settings = config(
        store={"uri": STORE + "{namespace}/"}, access=[{"namespace": "*", "prefixes": ALLOWED}]
    )
    own = {name: value for name, value in SHAPES["plain"].items() if name != "store"}
    with Simulation(settings).running(1) as sim:
        sim.create(*ONE, own)
        sim.create(*THEIRS, own)
        sim.create("b", "two", own | {"store": {"uri": STORE + "a/"}})
        sim.run_for(10)
        assert {rayjob_of(b).namespace for b in sim.rayjobs("corpus")} == {"a", "b"}
        assert "may not use s3://lingraft/a/" in stalled(sim, "AccessDenied", ("b", "two"))
        sim.remove(("b", "two"))
        sim.come_to_rest()
        assert phases(sim) == ["Ready"] * 2
        assert {(written_by(sim, key)).pop() for key in (ONE, THEIRS)} == {"a/one", "b/one"}
        stores = {plan.plan.store for key in (ONE, THEIRS) if (plan := sim.status(key).plan)}
        assert stores == {STORE + "a/", STORE + "b/"}
