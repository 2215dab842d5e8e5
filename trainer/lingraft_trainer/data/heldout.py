"""Which paragraphs are held out, or which documents."""

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


def held_out_whole(
    keys: NDArray[np.uint64],
    sizes: NDArray[np.int64],
    of_document: NDArray[np.int64],
    *,
    share: float,
    most: int,
) -> frozenset[int]:
    """The keys of all paragraphs of the documents to hold out.

    A document's key is of its own paragraphs, so that it may stand anywhere. Where documents are so
    large that one is twice what is asked, paragraphs are held out by themselves.

    Args:
        keys: A number for each paragraph, as good as random and of its text alone.
        sizes: Their bytes.
        of_document: The number of each one's document, from 0 on, rising.
        share: Of all bytes.
        most: Bytes, at most.
    """
    starts = np.flatnonzero(np.diff(of_document, prepend=-1))
    documents = np.bitwise_xor.reduceat(keys, starts)
    bytes_of = np.add.reduceat(sizes, starts)
    chosen = held_out(documents, bytes_of, share=share, most=most)
    in_chosen = np.isin(documents, np.fromiter(chosen, np.uint64))
    if bytes_of[in_chosen].sum() > 2 * min(share * int(sizes.sum()), most):
        return held_out(keys, sizes, share=share, most=most)
    return frozenset(keys[in_chosen[of_document]].tolist())
