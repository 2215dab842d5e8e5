"""FOCUS: rows of new tokens as mixtures of the rows that both vocabularies share.

Dobler and de Melo 2023, "FOCUS: Effective Embedding Initialization for Monolingual
Specialization of Multilingual Models", arXiv 2305.14481. A shared token takes its source row.
Any other takes a weighted mean of the shared tokens' source rows; the weights are the sparsemax
of its cosines to them in a space of static vectors of the target language's tokens.

One thing differs: the paper trains those vectors by fastText, which has no maintained package.
Here they are a factorised table of co-occurrences (`cooccurrence.py`), from the same text.
"""

import torch
from torch import Tensor

CHUNK = 1 << 20
"""Cosines that are worked on at once: few enough to stay in a cache."""


def mixed_rows(shared_SD: Tensor, rows_SH: Tensor, new_ND: Tensor) -> Tensor:
    """Rows of the new tokens, [N, H].

    Args:
        shared_SD: Static vectors of the shared tokens, of length one.
        rows_SH: The shared tokens' source rows.
        new_ND: Static vectors of the new tokens, of length one.
    """
    size = max(1, CHUNK // max(1, len(shared_SD)))
    parts = [sparsemax(part @ shared_SD.T) @ rows_SH for part in new_ND.split(size)]
    return torch.cat(parts)


def sparsemax(scores_NS: Tensor) -> Tensor:
    """The point of the simplex nearest to each row of scores; most of its weights are zero.

    Martins and Astudillo 2016, arXiv 1602.02068: `max(0, scores - t)` with the threshold t at
    which they add up to one. Newton's method finds t exactly, in a few rounds and without
    sorting: the sum is convex and linear between the scores, so that t only rises.
    """
    threshold_N1 = scores_NS.amax(dim=1, keepdim=True) - 1
    support_N1 = torch.zeros_like(threshold_N1, dtype=torch.int64)
    while True:
        weights_NS = (scores_NS - threshold_N1).clamp_(min=0)
        found_N1 = (weights_NS > 0).sum(dim=1, keepdim=True)
        if torch.equal(found_N1, support_N1):
            return weights_NS / weights_NS.sum(dim=1, keepdim=True)
        support_N1 = found_N1
        excess_N1 = weights_NS.sum(dim=1, keepdim=True) - 1
        threshold_N1 = threshold_N1 + (excess_N1 / found_N1).clamp_(min=0)  # nor by rounding
