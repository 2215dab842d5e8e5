"""Totals of what was spent, by namespace, in a bounded number of series."""

import pytest

from lingraft.status import BudgetStatus, Money, Spent
from lingraft_operator import metrics
from lingraft_operator.metrics import count_spent, spent_cost, spent_device_seconds, spent_flops


def status(flops: float, hours: float, usd: float) -> BudgetStatus:
    money = (Money(amount=usd, currency="USD"),)
    return BudgetStatus(spent=Spent(flops=flops, device_hours=hours, cost=money))


def totals(namespace: str) -> tuple[float, float, float]:
    found = (
        spent_flops.labels(namespace),
        spent_device_seconds.labels(namespace),
        spent_cost.labels(namespace, "USD"),
    )
    flops, seconds, cost = (one._value.get() for one in found)
    return flops, seconds, cost


def test_what_was_spent_between_two_statuses_is_added() -> None:
    count_spent("team-a", None, status(1e15, 0.5, 2.0))
    count_spent("team-a", status(1e15, 0.5, 2.0), status(3e15, 1.0, 5.0))
    count_spent("team-a", status(3e15, 1.0, 5.0), None)  # never less
    assert totals("team-a") == (3e15, 3600, 5)


def test_namespaces_beyond_the_first_ones_are_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_namespaces", {"first"})
    monkeypatch.setattr(metrics, "MOST_NAMESPACES", 1)
    for name in ("first", "second", "third"):
        count_spent(name, None, status(1.0, 1.0, 1.0))
    assert totals("first")[0] == 1.0 and totals("_others")[0] == 2.0


def test_currencies_beyond_the_first_ones_are_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_currencies", set())
    monkeypatch.setattr(metrics, "MOST_CURRENCIES", 2)
    names = [f"AA{letter}" for letter in "ABCDEF"]
    for name in names:  # one after the other, as a resource's edits name them
        money = (Money(amount=1.0, currency=name),)
        spent = BudgetStatus(spent=Spent(flops=1.0, device_hours=0.0, cost=money))
        count_spent("trader", None, spent)
    shown = {currency for namespace, currency in spent_cost._metrics if namespace == "trader"}
    assert shown == {"AAA", "AAB", "_others"}
