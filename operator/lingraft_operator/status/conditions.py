"""Conditions by the rules of kstatus: pure.

Ready is there always; Reconciling and Stalled only while True. kubectl wait, Helm, Flux and
Argo CD read these, and `observedGeneration` of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lingraft.status import Condition, ConditionType

State = Literal["Ready", "Reconciling", "Stalled", "Suspended"]


@dataclass(frozen=True)
class Summary:
    """The whole resource's state in one word, one reason and one sentence."""

    state: State
    reason: str
    message: str
    heals: bool = False
    """Whether what is Stalled goes on by itself once its cause is gone."""


Truth = Literal["True", "False", "Unknown"]
Aspect = tuple[ConditionType, Truth, str, str]


def conditions(
    summary: Summary,
    aspects: Sequence[Aspect],
    before: Sequence[Condition],
    *,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """The conditions of a state.

    Args:
        summary: What Ready, Reconciling and Stalled are made of.
        aspects: Further conditions: type, status, reason, message.
        before: The present ones, for the times of their last transitions.
        generation: The one that was judged.
        now: For what changes.
    """
    reason, message = summary.reason, summary.message
    ready: Truth = "True" if summary.state == "Ready" else "False"
    wanted: list[Aspect] = [("Ready", ready, reason, message)]
    if summary.state in ("Reconciling", "Stalled"):
        wanted.append((summary.state, "True", reason, message))
    former = {condition.type: condition for condition in before}
    made: list[Condition] = []
    for kind, status, why, words in [*wanted, *aspects]:
        old = former.get(kind)
        since = old.last_transition_time if old and old.status == status else now
        made.append(
            Condition(
                type=kind,
                status=status,
                reason=why,
                message=words[:2000],
                observed_generation=generation,
                last_transition_time=since.replace(microsecond=0),
            )
        )
    return tuple(made)
