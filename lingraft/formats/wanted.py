"""What is to be read of a task, and the labels that it may have."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lingraft.errors import UserError
from lingraft.formats.classlabels import ClassName
from lingraft.formats.examples import Purpose, TaskRow, labels_in
from lingraft.formats.rows import Row, name_of

NLI_LABELS = ("entailment", "neutral", "contradiction")
PAWS_LABELS = ("0", "1")
_LABELS = {"xnli": NLI_LABELS, "paws-x": PAWS_LABELS}
NO_LABEL = "-1"
"""What `datasets` writes where a row of a ClassLabel has none."""


@dataclass(frozen=True)
class Wanted:
    """What to read.

    Attributes:
        format: A key of FORMATS.
        language: BCP 47; chooses files and rows where a data set holds several.
        purpose: Chooses files where a data set holds several splits.
        columns: Our name of a field and the file's, where they differ (`tasks[].columns`).
        names: The labels in order (`tasks[].labels`); empty: those that occur.
        trained: The labels of the training data; any other is an error. None: not known.
    """

    format: str
    language: str
    purpose: Purpose
    columns: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    trained: tuple[str, ...] | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The only labels there may be; empty: any."""
        return self.trained or self.names or _LABELS.get(self.format, ())


def label_of(row: Row, wanted: Wanted, expected: str) -> str:
    """A row's label; a whole number is the number of one of the task's names, if it has them.

    Raises:
        UnusableRowError: there is none.
    """
    value = row.value("label")
    label = name_of(row, "label", expected)
    named = isinstance(value, ClassName)
    none = value.number < 0 if isinstance(value, ClassName) else bool(wanted.names)
    if label == NO_LABEL and none and label not in wanted.names:
        raise row.unusable("label", "is -1, which stands for none", expected)
    if named or label in wanted.names:
        return label
    return name_at(label, wanted.names)


def name_at(label: str, names: Sequence[str]) -> str:
    """The name with a number; the label itself where it is no number of one.

    Where names are numbers themselves (stars from 1 to 5), a number may mean either.
    """
    either = any(name.isdecimal() and name != str(i) for i, name in enumerate(names))
    known = label.isdecimal() and label.isascii() and len(label) < 9 and not either
    return names[int(label)] if known and int(label) < len(names) else label


def check_label(label: str, wanted: Wanted, place: str) -> None:
    """Refuse a label that may not be there.

    Raises:
        UserError: the label, and those that may.
    """
    allowed = wanted.allowed
    if allowed and label not in allowed:
        message = f"unknown label '{label}'; expected one of {', '.join(allowed)}"
        if near := next((one for one in allowed if _look(one) == _look(label)), None):
            message += f" (it differs from '{near}' {_by(label, near)}: write both alike)"
        elif label.isdecimal() and not wanted.names and wanted.format not in _LABELS:
            message += " (if it is the number of one, name them in order: tasks[].labels)"
        raise UserError(message, where=place)


def _look(label: str) -> str:
    """A label as people see it: without case, nor what has no width, however it is composed."""
    seen = unicodedata.normalize("NFKC", label).casefold()
    return " ".join("".join(c for c in seen if unicodedata.category(c) != "Cf").split())


def _by(one: str, other: str) -> str:
    """What two labels that look the same differ in."""
    if one.casefold() == other.casefold():
        return "in case"
    return f"in what cannot be seen, {one!a} and {other!a}"


def check_alike(labels: Mapping[str, str], known: Iterable[str] = (), *, of: str = "") -> None:
    """Refuse labels that look the same: one of the two is a slip.

    They differ in case, in how their letters are composed (NFC and NFD), or in what has no width.

    Args:
        labels: Label to the place where it stands.
        known: Labels of other files.
        of: Which files these are, for errors.

    Raises:
        UserError: the second of two, at its place.
    """
    theirs = frozenset(known)
    seen = {_look(label): label for label in theirs}
    for label, place in labels.items():
        other = seen.setdefault(_look(label), label)
        if other != label and label not in theirs:
            there = f" of the {of}" if other in theirs else ""
            message = f"the labels '{other}'{there} and '{label}' differ only {_by(other, label)}"
            raise UserError(f"{message}; write both alike", where=place)


def labels_of(examples: Iterable[TaskRow], names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The labels that occur, in the order that numbers them in a model's config.

    In the order of `names` where they are given. Else sorted, whole numbers as numbers; those of
    natural language inference as its published models have them: entailment, neutral,
    contradiction.
    """
    found = {label for example in examples for label in labels_in(example)}
    order = names or (NLI_LABELS if found == set(NLI_LABELS) else ())
    if order:
        return tuple(name for name in order if name in found)
    if all(label.lstrip("-").isdecimal() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))
