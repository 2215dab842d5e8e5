"""Whether labels can be classes that are learned from examples, and told by a test."""

import re
from collections.abc import Mapping

from lingraft.errors import UserError

MANY = 20
"""Labels, or examples, from which on their number tells something."""
_NUMBER = re.compile(r"[+-]?[0-9]*[.,]?[0-9]+")
_FRACTION = re.compile(r"[.,][0-9]*[1-9]")


def check_classes(labels: Mapping[str, str], examples: int | None) -> None:
    """Refuse scores, and what is another one for nearly every example.

    Args:
        labels: Label to the place where it stands.
        examples: How many there are; None where that is not known, or does not matter.

    Raises:
        UserError: at the first label that is none.
    """
    numbers = len(labels) > 2 and all(map(_NUMBER.fullmatch, labels))
    if numbers and (score := next(filter(_FRACTION.search, labels), None)):
        message = f"the label '{score}' is a score, and only classes are learned (if it is the "
        raise UserError(f"{message}name of one, name all: tasks[].labels)", where=labels[score])
    if examples is not None and len(labels) > MANY and 2 * len(labels) > examples:
        message = f"{len(labels):,} labels for {examples:,} examples: is this the column with the"
        raise UserError(f"{message} labels?", where=next(iter(labels.values())))


def check_several(labels: Mapping[str, str], where: str) -> None:
    """Refuse a test in which all labels are the same: data sets hide those of their tests so.

    Raises:
        UserError: names the label.
    """
    if len(labels) == 1:
        message = f"all examples of this test have the label '{next(iter(labels))}', so that no "
        raise UserError(f"{message}score would tell anything: are its labels hidden?", where=where)
