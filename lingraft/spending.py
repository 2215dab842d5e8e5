"""What is left of a budget, and the sentence where that is nothing: pure."""

from collections.abc import Iterator, Mapping

from lingraft.errors import UserError
from lingraft.plan import Plan
from lingraft.resource.budget import Budget
from lingraft.stage import Manifest
from lingraft.status import BudgetStatus, Left, Money, Spent


def balance(budget: Budget | None, spent: Spent) -> BudgetStatus:
    """Spending beside a budget."""
    if budget is None:
        return BudgetStatus(spent=spent)
    left = {unit: max(0.0, limit - used) for unit, limit, used in _units(budget, spent)}
    cost = budget.cost
    share = max(used / limit for _, limit, used in _units(budget, spent))
    return BudgetStatus(
        spent=spent,
        left=Left(
            flops=left.get("flops"),
            device_hours=left.get("deviceHours"),
            cost=Money(amount=left["cost.amount"], currency=cost.currency) if cost else None,
        ),
        used=f"{100 * share:.0f}%",
    )


def exceeded(budget: Budget | None, spent: Spent) -> str:
    """What is used up, and what to do; empty while something is left of each unit."""
    for unit, limit, used in _units(budget, spent):
        if used >= limit:
            return (
                f"spec.budget.{unit}: {shown(used)} of {shown(limit)} are spent: raise it, and it "
                "goes on from its last checkpoints"
            )
    return ""


def too_small(budget: Budget | None, spent: Spent, needed: float) -> str:
    """Why what is left to compute cannot be paid for, by the formula alone; empty if it can.

    Args:
        budget: Of the resource.
        spent: Until now.
        needed: FLOPs of what is left, by formula.
    """
    if budget is None or budget.flops is None or spent.flops + needed <= budget.flops:
        return ""
    left = max(0.0, budget.flops - spent.flops)
    return (
        f"spec.budget.flops: {shown(needed)} FLOPs are to be computed by formula, and of "
        f"{shown(budget.flops)} there are {shown(left)} left: raise it, or compute less (fewer "
        "embeddings.steps, say)"
    )


def check_run(
    budget: Budget | None,
    plan: Plan,
    done: Mapping[str, Manifest],
    own: Mapping[str, Manifest],
) -> None:
    """Refuse to go on with a run on this machine that its FLOPs do not suffice for.

    Args:
        budget: Of the resource; its hours and its money count on a cluster only.
        plan: What is run.
        done: Manifests of the stages that are done, by name.
        own: Those of them that were computed in this run.

    Raises:
        UserError: The figures, and what to do.
    """
    if budget is None or budget.flops is None:
        return
    spent = Spent(flops=sum(one.compute.flops for one in own.values()))
    needed = sum(one.flops for one in plan.stages if one.name not in done)
    of_flops = Budget(flops=budget.flops)
    if said := exceeded(of_flops, spent) or too_small(of_flops, spent, needed):
        where, _, message = said.partition(": ")
        raise UserError(message, where=where)


def shown(value: float) -> str:
    """A number of any size, with three digits that count."""
    plain = not value or 0.01 <= value < 1e6
    return f"{value:,.2f}".rstrip("0").rstrip(".") if plain else f"{value:.2e}"


def _units(budget: Budget | None, spent: Spent) -> Iterator[tuple[str, float, float]]:
    """Field, limit and what is spent, of each unit that is limited."""
    if budget is None:
        return
    if budget.flops is not None:
        yield "flops", budget.flops, spent.flops
    if budget.device_hours is not None:
        yield "deviceHours", budget.device_hours, spent.device_hours
    if budget.cost is not None:
        of_it = (one.amount for one in spent.cost if one.currency == budget.cost.currency)
        yield "cost.amount", budget.cost.amount, sum(of_it)
