"""What a run must come to: a graft that is right, or one sentence."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Refusal:
    """A user's mistake, told.

    Attributes:
        says: A part of the sentence.
        where: A part of the field, file or URI at fault.
        when: Whether the plan says it or the run.
    """

    says: str
    where: str
    when: Literal["plan", "run"] = "plan"
