"""What every task format is read into, and why a row is not."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lingraft.errors import UserError

Purpose = Literal["train", "dev", "test", "sourceTest"]
"""What a task file is for, as the resource calls it."""


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
    """A right answer, without spaces at its ends.

    Attributes:
        text: As it stands in the context, `context[start : start + len(text)]`.
        start: In characters; None where the context does not hold the text.
    """

    text: str
    start: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """One question on one paragraph, with at least one right answer."""

    id: str
    """As published, for people: other questions may have it too."""
    question: str
    context: str
    answers: tuple[Answer, ...]

    @property
    def group(self) -> str:
        """The paragraph: questions on one of them stand or fall together."""
        return self.context

    @property
    def answer_texts(self) -> tuple[str, ...]:
        """The answers' texts, for scoring."""
        return tuple(answer.text for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Choice:
    """A context, or a question, or a question on a context, of which one choice is right.

    Attributes:
        context: What the choices are judged by; may be cut where it is long. Or empty.
        question: Or empty; one of the two is there.
        choices: At least two.
        right: Number of the right one, from 0.
        leads: Whether a choice stands before the context: it is that which came first.
        place: `file:line`, for errors.
    """

    context: str
    question: str
    choices: tuple[str, ...]
    right: int
    leads: bool = False
    place: str = field(default="", compare=False, repr=False)

    @property
    def group(self) -> str | None:
        """The context: questions on one of them stand or fall together."""
        return self.context or None

    @property
    def label(self) -> str:
        """The right one's number, as predictions name it."""
        return str(self.right)


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """A sentence, and the same with a fault; `place` is `file:line`, for errors."""

    right: str
    wrong: str
    place: str = field(default="", compare=False, repr=False)


class Turn(NamedTuple):
    """What one side of a conversation says, by transformers' names."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is asked, and the answer.

    Attributes:
        turns: The conversation before the answer; a prompt is one turn of the user.
        completion: The answer.
        is_message: Whether it was given as a message, which never touches the turn before it.
    """

    turns: tuple[Turn, ...]
    completion: str
    is_message: bool = field(default=False, compare=False)

    @property
    def group(self) -> str:
        """What is asked: answers to one prompt stand or fall together."""
        return "\n".join(turn.content for turn in self.turns)


@dataclass(frozen=True, slots=True)
class ParallelPair:
    """A sentence and its translation."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """One sentence whose words have a tag each.

    Attributes:
        tokens: Its words as published: there may be empty ones, and some with white space inside.
        tags: As many.
        group: Sentences that stand or fall together (one document), or None.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    group: str | None = None


TaskRow = Example | Question | Choice | MinimalPair | Instruction | ParallelPair | Tagged


def labels_in(row: TaskRow) -> tuple[str, ...]:
    """A row's labels that a model is trained to give: its own, or one for every word."""
    if isinstance(row, Tagged):
        return row.tags
    return (row.label,) if isinstance(row, Example) and row.label is not None else ()


def asked_in(row: TaskRow) -> tuple[object, ...]:
    """What a row gives a model to read, without the answer."""
    match row:
        case Example():
            return (row.text, row.text_pair)
        case Question():
            return (row.context, row.question)
        case Choice():
            return (row.context, row.question, row.choices)
        case Instruction():
            return row.turns
        case Tagged():
            return row.tokens
        case MinimalPair():
            return (row.right, row.wrong)
        case ParallelPair():
            return (row.source, row.target)


def group_of(row: TaskRow) -> str | None:
    """What a row stands or falls with; None: nothing."""
    return None if isinstance(row, MinimalPair | ParallelPair) else row.group


class OtherLanguage(NamedTuple):
    """Stands for a row of a language that is not asked for."""

    language: str


class UnusableRowError(UserError):
    """A row without what it needs. A few of them are left out, many are a wrong file."""
