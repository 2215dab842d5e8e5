"""Scores of named entities: whole entities, found by the rules of conlleval.

They are seqeval's in its default mode, which CoNLL's own script and WikiANN's and MasakhaNER's
papers count by: an entity is right if its type, its first word and its last are. Tags may be IOB1,
IOB2 or IOBES, and need not be well formed: what begins with I, or goes on under another type, is an
entity all the same. BILOU's L and U are read as seqeval does, which takes two neighbouring U of one
type for one entity.
"""

from collections.abc import Sequence
from itertools import pairwise

Entity = tuple[str, int, int]
"""Type, first word, last word."""
Counts = tuple[int, int, int]
"""Entities that are right, that were predicted, and that there are."""
_OUTSIDE = ("O", "_")


def entities(tags: Sequence[str]) -> set[Entity]:
    """The entities of one sentence, from its words' tags."""
    found: set[Entity] = set()
    first = 0
    parts = [_OUTSIDE, *(_parted(tag) for tag in tags), _OUTSIDE]
    for word, (before, here) in enumerate(pairwise(parts)):
        if before[0] != "O" and _ends(before, here):
            found.add((before[1], first, word - 1))
        if here[0] != "O" and _starts(before, here):
            first = word
    return found


def _parted(tag: str) -> tuple[str, str]:
    """A tag's place and type; `B` alone is of the type without a name."""
    place, type = tag[:1], tag[1:].removeprefix("-")
    return place, type or "_"


def _ends(before: tuple[str, str], here: tuple[str, str]) -> bool:
    """Whether an entity's last word is before this one."""
    closed = before[0] in "ES" or (before[0] in "BI" and here[0] in "BSO")
    return closed or before[1] != here[1]


def _starts(before: tuple[str, str], here: tuple[str, str]) -> bool:
    """Whether this word is an entity's first."""
    opened = here[0] in "BS" or (before[0] in "ESO" and here[0] in "EI")
    return opened or before[1] != here[1]


def entity_counts(gold: Sequence[str], predicted: Sequence[str]) -> Counts:
    """What is counted of one sentence.

    Raises:
        ValueError: lengths that differ.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} tags for {len(gold)} words")
    there, said = entities(gold), entities(predicted)
    return len(there & said), len(said), len(there)


def entity_quotients(counts: Sequence[Counts]) -> dict[str, tuple[list[int], list[int]]]:
    """Each score as a quotient of two sums over sentences (micro average).

    Args:
        counts: Of each sentence.

    Returns:
        Score to what is above and what is below the line, of each sentence.
    """
    right = [one[0] for one in counts]
    said, there = [one[1] for one in counts], [one[2] for one in counts]
    return {
        "f1": ([2 * one for one in right], [a + b for a, b in zip(said, there, strict=True)]),
        "precision": (right, said),
        "recall": (right, there),
    }
