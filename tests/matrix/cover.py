"""Rows that hold every two values of any two axes together, the most telling ones first.

Most faults of software that is configured take one value or two to show; all combinations of
seven axes would be hundreds of thousands.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations

Row = dict[str, str]
Value = tuple[str, str]
"""An axis and one of its values."""
Pair = frozenset[Value]
CANDIDATES = 30


def cover(axes: Mapping[str, Sequence[str]], never: frozenset[Pair] = frozenset()) -> list[Row]:
    """Rows with every pair of values, greedily; the same ones every time.

    The first rows hold every value at least once: about as many as the longest axis has values.

    Args:
        axes: Name to values.
        never: Pairs that no row may hold.

    Returns:
        The rows, in an order in which a beginning of them covers much.
    """
    chance = random.Random(0)
    rows: list[Row] = []
    new = pairs(axes) - never
    unused = {name: set(values) for name, values in axes.items()}
    while new:
        opening = any(unused.values())
        start = Pair() if opening else min(new, key=sorted)
        candidates = [
            _candidate(axes, dict(start), unused, new, never, chance) for _ in range(CANDIDATES)
        ]
        best = max(candidates, key=lambda row: _score(row, unused, new))
        rows.append(best)
        new -= pairs_of(best)
        for name, value in best.items():
            unused[name].discard(value)
    return rows


def pairs(axes: Mapping[str, Sequence[str]]) -> set[Pair]:
    """Every two values of any two axes."""
    return {
        Pair([(one, a), (other, b)])
        for one, other in combinations(axes, 2)
        for a in axes[one]
        for b in axes[other]
    }


def pairs_of(row: Row) -> set[Pair]:
    """The pairs of one row."""
    return {Pair(two) for two in combinations(row.items(), 2)}


def _score(row: Row, unused: Mapping[str, set[str]], new: set[Pair]) -> tuple[int, int]:
    """Values that were in no row, then pairs that were in none."""
    return sum(row[name] in left for name, left in unused.items()), len(pairs_of(row) & new)


def _candidate(
    axes: Mapping[str, Sequence[str]],
    found: Row,
    unused: Mapping[str, set[str]],
    new: set[Pair],
    never: frozenset[Pair],
    chance: random.Random,
) -> Row:
    """A row around some values, the others chosen one by one, each the best so far."""
    order = [name for name in axes if name not in found]
    chance.shuffle(order)
    for name in order:

        def gain(value: str, name: str = name) -> tuple[int, int]:
            own = [Pair([(name, value), other]) for other in found.items()]
            return value in unused[name], sum(pair in new for pair in own)

        values = [
            value
            for value in axes[name]
            if not any(Pair([(name, value), other]) in never for other in found.items())
        ]
        chance.shuffle(values)
        found[name] = max(values, key=gain)
    return {name: found[name] for name in axes}
