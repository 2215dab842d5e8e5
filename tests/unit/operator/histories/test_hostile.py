"""What no trainer of ours wrote: whoever may write to a store can put it there."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.operator.histories import ONE, phases, world
from tests.support.operator.settings import STORE
from tests.support.operator.simulation import Simulation

RIGHT = {"task": "xnli", "metrics": {"accuracy": {"mean": 0.7, "stderr": 0.01}}}


@contextmanager
def changed(sim: Simulation, key: str, change: dict[str, Any]) -> Iterator[None]:
    """An object of the store with other fields, and as it was again."""
    store = sim.store_at(STORE)
    before = store.get(key)
    assert before is not None
    store.put(key, json.dumps(json.loads(before[0]) | change).encode())
    yield
    store.put(key, before[0])


@pytest.mark.parametrize(
    "change",
    [
        *({"secondsLeft": seconds} for seconds in (1e300, 1e12, -1e12, math.nan, math.inf)),
        *({"loss": math.nan}, {"tokensPerSecond": math.inf}),
        *({"step": -1}, {"steps": -1}, {"step": 10**40}, {"phase": "x" * 30_000}),
        *({"updatedAt": "soon"}, {"updatedAt": ""}),
    ],
)
def test_a_heartbeat_of_nobody_stops_no_pass(change: dict[str, Any]) -> None:
    with world("task") as sim:
        (rayjob,) = sim.rayjobs("corpus")
        trainer = sim.kuberay.trainer_of(rayjob)
        assert trainer is not None
        trainer.mute = True
        key = f"{trainer.spec.stage.ref}/{trainer.spec.holder}/progress.json"
        with changed(sim, key, change):
            sim.run_for(100)
            status = sim.status(ONE)
            assert status.stages[0].state == "Running"
            json.dumps(sim.resources()[ONE]["status"], allow_nan=False)
        trainer.mute = False


@pytest.mark.parametrize(
    "metrics",
    [
        *({"heldout": value} for value in ({"bitsPerByte": "x"}, [1], "x", {"start": 3})),
        {"heldout": {"bitsPerByte": math.inf}},
        *({"evaluation": value} for value in ({"a": 1}, [{"task": "xnli"}], [3], "x")),
        {"evaluation": [RIGHT | {"metrics": {"accuracy": {"mean": "high"}}}]},
        {"evaluation": [RIGHT | {"metrics": {"accuracy": 0.7}}]},
        {"evaluation": [RIGHT | {"labels": {"gold": {"x": "y"}}}]},
        {"evaluation": [RIGHT | {"degenerate": [1]}]},
        {"evaluation": [RIGHT | {"floors": {"accuracy": {"untouched": 3}}}]},
        {"tokensPerWord": {"grafted": "many"}},
    ],
)
def test_scores_that_nobody_computed_are_told_in_a_sentence(metrics: dict[str, Any]) -> None:
    with world("gate") as sim:
        for _ in range(3):
            for rayjob in (one for one in sim.working() if not _is_graft(one)):
                sim.finish(rayjob, "success")
            sim.run_for(10)
        with patch.object(Simulation, "metrics", return_value={"evaluation": [RIGHT]}):
            (graft,) = sim.rayjobs("graft")
            sim.finish(graft, "success")
        (key,) = (one for one in sim.store_at(STORE).everything() if one.startswith("graft/")
                  and one.endswith("/manifest.json"))  # fmt: skip
        with changed(sim, key, {"metrics": metrics}):
            sim.run_for(200)
            (said,) = (one for one in sim.status(ONE).conditions if one.type == "Reconciling")
            assert said.reason == "StoreUnavailable" and "as a trainer writes it" in said.message
            assert f"metrics.{next(iter(metrics))}" in said.message
        sim.run_for(200)
        assert phases(sim) == ["Ready"]


def _is_graft(rayjob: dict[str, Any]) -> bool:
    return rayjob["metadata"]["name"].startswith("graft")
