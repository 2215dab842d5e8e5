"""What every task format is read into."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One text, or pair of texts, to classify.

    Attributes:
        text: The text; of a pair the first (premise).
        text_pair: The second (hypothesis), or None.
        label: The gold label, always a string.
        group: Examples that stand or fall together (one chapter, one premise), or None.
    """

    text: str
    text_pair: str | None = None
    label: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A right answer: `context[start : start + len(text)]`, in characters.

    Only the `qa` format promises that; the published sets are given as they are.
    """

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """One question on one paragraph, with at least one right answer."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]

    @property
    def answer_texts(self) -> tuple[str, ...]:
        """The answers' texts, for scoring."""
        return tuple(answer.text for answer in self.answers)


@dataclass(frozen=True, slots=True)
class ParallelPair:
    """A sentence and its translation."""

    source: str
    target: str
