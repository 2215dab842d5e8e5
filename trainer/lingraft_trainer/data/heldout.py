"""Which paragraphs are held out."""

import numpy as np
from numpy.typing import NDArray

SLACK = 0.005
"""Share of the text by which what is held out may be more than asked."""


def held_out(
    keys: NDArray[np.uint64], sizes: NDArray[np.int64], *, share: float, most: int
) -> frozenset[int]:
    """The keys of the paragraphs to hold out.

    Those of the lowest keys that fit; else the one of the size nearest to what is asked. Which
    they are hangs on the text alone, not on where it stands.

    Args:
        keys: A number for each paragraph, as good as random and of its text alone.
        sizes: Their bytes.
        share: Of all bytes.
        most: Bytes, at most.
    """
    total = int(sizes.sum())
    wanted = min(share * total, most)
    room = wanted + min(SLACK * total, wanted / 2)
    chosen: list[int] = []
    got = 0
    for number in np.argsort(keys):
        if got >= wanted:
            break
        if got + sizes[number] <= room:
            chosen.append(int(keys[number]))
            got += int(sizes[number])
    return frozenset(chosen or [int(keys[np.lexsort((keys, abs(sizes - wanted)))[0]])])
