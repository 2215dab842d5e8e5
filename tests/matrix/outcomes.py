"""What a run must come to: a graft that is right, or one sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

Made = TypeVar("Made")


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


@dataclass(frozen=True)
class Bad(Generic[Made]):
    """One value of an axis.

    Attributes:
        make: Fills an empty folder.
        refusal: What is said of it.
    """

    make: Callable[[Path], Made]
    refusal: Refusal
