"""What a fleet shows of one language: short strings without anything that a screen would obey."""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 160
"""Characters of anything that somebody else wrote."""
MOST_SCORES = 20
"""Of a language."""


@dataclass(frozen=True)
class Score:
    """The first metric of a task.

    Attributes:
        task: Name of the task.
        metric: What was measured.
        value: Mean over the seeds.
        stderr: Its standard error.
        floor: The best that nothing was learned for: untouched, or the most frequent label.
        gate: Least value that passes; None: there is no gate.
        passed: Whether it is passed.
    """

    task: str
    metric: str
    value: float
    stderr: float | None = None
    floor: float | None = None
    gate: float | None = None
    passed: bool | None = None

    @property
    def line(self) -> str:
        """`genre 0.612 ± 0.030 (floor 0.310, gate 0.500 passed)`."""
        error = "" if self.stderr is None else f" ± {self.stderr:.3f}"
        beside = [] if self.floor is None else [f"floor {self.floor:.3f}"]
        if self.gate is not None:
            beside.append(f"gate {self.gate:.3f} {'passed' if self.passed else 'FAILED'}")
        more = f" ({', '.join(beside)})" if beside else ""
        return f"{self.task} {self.value:.3f}{error}{more}"


@dataclass(frozen=True)
class Row:
    """One language. What is not known is None, or empty.

    Attributes:
        name: namespace/name, or the name alone.
        language: BCP 47.
        phase: Pending, Running, Suspended, Ready or Stalled.
        progress: What is going on, for people.
        scores: A task each.
        bits_before: Bits per byte of held-out text, of the untouched base.
        bits_after: The same of what came out.
        tokens_before: Tokens per word of that text, by the base's tokenizer.
        tokens_after: By the new one.
        saved: Compute of a Standard step over that of one here, by formula.
        device_hours: Measured, of GPUs, or of cores without GPUs.
        cost: In money, by currency.
        published: Which version is published.
        published_since: Since when, RFC 3339.
    """

    name: str
    language: str
    phase: str
    progress: str = ""
    scores: tuple[Score, ...] = ()
    bits_before: float | None = None
    bits_after: float | None = None
    tokens_before: float | None = None
    tokens_after: float | None = None
    saved: float | None = None
    device_hours: float | None = None
    cost: str = ""
    published: str = ""
    published_since: str = ""


def clean(said: object) -> str:
    """What somebody wrote, on one line and short; letters that are none are spaces."""
    text = "" if said is None else str(said)[: 4 * LONGEST]
    shown = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def ordered(rows: Iterable[Row]) -> list[Row]:
    """By language, then by name."""
    return sorted(rows, key=lambda row: (row.language, row.name))
