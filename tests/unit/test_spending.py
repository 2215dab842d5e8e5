"""What is left of a budget, in which words, and what one machine makes of it."""

import pytest

from lingraft.errors import UserError
from lingraft.resource.budget import Budget, Cost
from lingraft.spending import balance, check_run, exceeded, shown, too_small
from lingraft.stage import Compute, Manifest
from lingraft.status import Money, Spent
from tests.support.specs import planned, spec_of

BUDGET = Budget(flops=1e18, device_hours=40, cost=Cost(amount=100, currency="EUR"))
SPENT = Spent(
    flops=2e17,
    device_hours=30,
    cost=(Money(amount=500, currency="USD"), Money(amount=10, currency="EUR")),
)


def test_what_is_left_of_each_unit_and_the_scarcest() -> None:
    known = balance(BUDGET, SPENT)
    assert known.left is not None and known.left.cost is not None
    assert (known.left.flops, known.left.device_hours) == (8e17, 10)
    assert (known.left.cost.amount, known.left.cost.currency) == (90, "EUR")
    assert known.used == "75%"
    assert balance(None, SPENT).left is None


def test_the_first_unit_that_is_used_up_is_said() -> None:
    assert exceeded(BUDGET, SPENT) == "" == exceeded(None, SPENT)
    said = exceeded(Budget(device_hours=30), SPENT)
    assert said.startswith("spec.budget.deviceHours: 30 of 30 are spent: raise it")


def test_the_formula_alone_may_be_too_much() -> None:
    assert too_small(BUDGET, SPENT, 8e17) == "" == too_small(Budget(device_hours=1), SPENT, 1e30)
    said = too_small(BUDGET, SPENT, 9e17)
    assert "9.00e+17 FLOPs are to be computed by formula, and of 1.00e+18 there are 8" in said


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (0.25, "0.25"), (1234.5, "1,234.5"), (1e18, "1.00e+18"), (0, "0")],
)
def test_numbers_are_shown_short(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_run_on_one_machine_is_refused_beforehand_and_stopped_between_stages() -> None:
    plan = planned(spec_of())
    needed = sum(one.flops for one in plan.stages)
    check_run(None, plan, {}, {})
    check_run(Budget(device_hours=1), plan, {}, {})
    check_run(Budget(flops=needed), plan, {}, {})
    with pytest.raises(UserError, match=r"spec\.budget\.flops: .* are to be computed by formula"):
        check_run(Budget(flops=needed / 2), plan, {}, {})
    done = {
        one.name: Manifest(
            stage=one.stage,
            holder="me",
            files=(),
            metrics={},
            compute=Compute(flops=needed),
            environment={},
            created_at="2026-01-01T00:00:00Z",
        )
        for one in plan.stages[:-1]
    }
    check_run(Budget(flops=needed / 2), plan, done, {})
    with pytest.raises(UserError, match="are spent: raise it"):
        check_run(Budget(flops=needed / 2), plan, done, done)
