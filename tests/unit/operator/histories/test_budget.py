"""Budgets: what attempts cost, who pays, and what happens when nothing is left."""

from typing import Any

import pytest

from lingraft.status import LanguageAdaptationStatus, Spent
from lingraft_operator import names
from tests.support.operator.histories import (
    ONE,
    TWO,
    fail,
    phases,
    refreshed,
    says,
    stalled,
    world,
)
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import SHAPES, spec

HOUR = 3600
CORES = 2  # of a worker, where nobody says otherwise
PRICES = {"small": {"price": {"perHour": 3.0}}, "large": {"price": {"perHour": 8.0}}}


def spent(sim: Simulation, key: Any = ONE) -> Spent:
    known = sim.status(key).budget
    return known.spent if known is not None else Spent()


def over(status: LanguageAdaptationStatus) -> str:
    """That it is stopped by its budget; the sentence."""
    (said,) = [one for one in status.conditions if one.type == "Stalled"]
    assert said.reason == "BudgetExceeded" and not status.heals
    return said.message


def embed(sim: Simulation) -> Any:
    plan = sim.status(ONE).plan
    assert plan is not None
    return plan.plan["embed"]


def test_what_is_used_up_stops_it_and_more_lets_it_go_on_from_its_checkpoint() -> None:
    with world() as sim:
        sim.create(*ONE, spec(budget={"deviceHours": CORES}))
        sim.run_for(HOUR - 60)
        assert phases(sim) == ["Running"]
        (rayjob,) = sim.rayjobs("corpus")
        sim.kuberay.trainers[rayjob["metadata"]["uid"]].checkpoint()
        sim.run_for(120)
        assert "spec.budget.deviceHours: 2 of 2 are spent: raise it" in over(sim.status(ONE))
        assert not sim.rayjobs() and sim.status(ONE).stages[0].attempts[-1].counted is False
        known = sim.status(ONE).budget
        assert known is not None and known.used == "100%"
        assert known.left is not None and known.left.device_hours == 0.0
        assert spent(sim).device_hours == pytest.approx(CORES, abs=0.02), "to the second, nearly"
        sim.run_for(24 * HOUR)
        sim.copies[0].start()
        sim.annotate(ONE, names.RETRY, "1")
        sim.run_for(HOUR)
        over(sim.status(ONE))
        sim.edit(ONE, budget={"deviceHours": CORES + 1})
        sim.run_for(60)
        assert phases(sim) == ["Running"]
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_every_attempt_counts_and_what_waits_costs_nothing() -> None:
    with world("plain") as sim:
        sim.run_for(HOUR / 2)
        fail(sim, "corpus", "infrastructure")
        sim.run_for(HOUR / 2)
        fail(sim, "corpus", "killed")
        sim.kuberay.held = True
        sim.run_for(HOUR / 2)
        first, second, _ = sim.status(ONE).stages[0].attempts
        assert first.seconds == pytest.approx(HOUR / 2, abs=30)
        assert second.seconds == pytest.approx(HOUR / 2 - 30, abs=5), "a backoff costs nothing"
        total = CORES * ((first.seconds or 0) + (second.seconds or 0)) / HOUR
        assert spent(sim).device_hours == pytest.approx(total, rel=0.01)


def test_a_restart_charges_nothing_twice_and_nothing_for_what_had_ended() -> None:
    with world("plain") as sim:
        for _ in range(6):
            sim.run_for(HOUR / 6)
            sim.copies[0].start()
        assert spent(sim).device_hours == pytest.approx(CORES, rel=0.03)
        (rayjob,) = sim.rayjobs("corpus")
        sim.finish(rayjob, "infrastructure")
        sim.kuberay.step(rayjob)
        sim.advance(10 * HOUR)  # no operator sees its end
        sim.copies[0].start()
        sim.run_for(1)
        assert spent(sim).device_hours == pytest.approx(CORES, rel=0.03)


def test_what_began_and_ended_unseen_is_charged_by_what_kuberay_says() -> None:
    with world() as sim:
        sim.create(*ONE, SHAPES["plain"])
        sim.copies[0].run()
        for _ in range(3):
            sim.kuberay.step(sim.rayjobs("corpus")[0])
        sim.advance(HOUR)
        (rayjob,) = sim.rayjobs("corpus")
        sim.finish(rayjob, "success")
        sim.kuberay.step(rayjob)
        sim.copies[0].start()
        sim.run_for(5)
        assert spent(sim).device_hours == pytest.approx(CORES, rel=0.05)


def test_whoever_launched_a_shared_stage_pays_and_then_whoever_is_left() -> None:
    with world("plain", "plain") as sim:
        sim.run_for(HOUR)
        payer, other = (ONE, TWO) if spent(sim).device_hours else (TWO, ONE)
        assert spent(sim, payer).device_hours == pytest.approx(CORES, rel=0.05)
        assert spent(sim, other) == Spent()
        sim.edit(payer, suspend=True)
        sim.run_for(HOUR)
        assert spent(sim, payer).device_hours == pytest.approx(CORES, rel=0.05)
        assert spent(sim, other).device_hours == pytest.approx(CORES, rel=0.1)
        sim.edit(payer, suspend=False)


def test_a_budget_that_is_lowered_below_what_is_spent_stops_it() -> None:
    with world("plain") as sim:
        sim.run_for(HOUR)
        sim.edit(ONE, budget={"deviceHours": 1, "flops": 1e30})
        sim.run_for(5)
        assert "spec.budget.deviceHours" in over(sim.status(ONE))
        assert not sim.rayjobs()


def test_money_is_hours_of_workers_times_the_price_of_then() -> None:
    with world(pools=PRICES) as sim:
        sim.create(*ONE, spec(budget={"cost": {"amount": 4.5}}))
        sim.run_for(HOUR)
        (paid,) = spent(sim).cost
        assert (paid.currency, paid.amount) == ("USD", pytest.approx(3.0, rel=0.03))
        dearer = {**PRICES, "small": {"price": {"perHour": 6.0}}}
        sim.configure(config(pools=dearer))
        sim.run_for(HOUR / 4 + 60)
        assert "spec.budget.cost.amount: 4.5" in over(sim.status(ONE))
        sim.configure(sim.healthy)


def test_money_without_prices_waits_for_them() -> None:
    with world() as sim:
        sim.create(*ONE, spec(budget={"cost": {"amount": 5}}))
        sim.run_for(60)
        said = stalled(sim, "NotConfigured")
        assert said.startswith("spec.budget.cost: pool small has no price in USD")
        assert "spec.pools.small.price" in said
        sim.healthy = config(pools=PRICES)
        sim.configure(sim.healthy)
        sim.run_for(10)
        assert phases(sim) == ["Running"]


def test_what_the_formula_alone_puts_over_the_budget_is_refused_before_anything_runs() -> None:
    with world() as sim:
        sim.create(*ONE, spec(budget={"flops": 1e15}))
        sim.run_for(60)
        said = over(sim.status(ONE))
        needed = embed(sim).flops
        assert f"{needed:.2e} FLOPs are to be computed by formula" in said
        assert "of 1.00e+15 there are 1.00e+15 left" in said
        assert not sim.rayjobs() and spent(sim) == Spent()
        sim.edit(ONE, budget={"flops": needed * 1.01})
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
        assert spent(sim).flops == pytest.approx(needed)


def test_updates_that_were_lost_are_paid_for_too() -> None:
    with world("plain") as sim:
        fail(sim, "corpus", "success")
        sim.run_for(400)
        (rayjob,) = sim.rayjobs("embed")
        trainer = sim.kuberay.trainers[rayjob["metadata"]["uid"]]
        sim.run_for(31)
        done, each = trainer.step, embed(sim).flops / embed(sim).steps
        assert spent(sim).flops == pytest.approx(done * each, rel=0.3) and done > 3
        fail(sim, "embed", "killed")
        sim.come_to_rest()
        wasted = spent(sim).flops - embed(sim).flops
        assert wasted == pytest.approx(done * each, rel=0.3)


def test_what_is_done_is_ready_whatever_it_cost_and_a_model_stays() -> None:
    with world() as sim:
        sim.create(*ONE, spec(budget={"deviceHours": 3}, refresh={"schedule": "@daily"}))
        sim.run_for(HOUR)
        sim.come_to_rest()
        assert says(sim)["Ready"] == "True"
        sim.edit(ONE, budget={"deviceHours": 1})
        sim.run_for(60)
        assert says(sim)["Ready"] == "True"
        sim.uploads["s3://corpora/sw/"] += 1
        sim.run_for(24 * HOUR)
        assert says(sim)["Ready"] == "True" and not sim.working()
        assert refreshed(sim)[:2] == ("False", "BudgetExceeded")
        sim.edit(ONE, budget={"deviceHours": 100})
        sim.come_to_rest()
        assert refreshed(sim)[0] == "True"


def test_a_resource_that_is_made_anew_begins_at_nothing() -> None:
    with world("plain") as sim:
        sim.run_for(HOUR)
        sim.remove(ONE)
        sim.run_for(5)
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(60)
        assert spent(sim).device_hours < 0.1


def test_charges_alone_are_written_once_a_minute() -> None:
    with world("plain") as sim:
        sim.run_for(600)
        writes = sim.api.version
        sim.run_for(HOUR)
        assert sim.api.version - writes <= 70
