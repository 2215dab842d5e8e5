"""Rows of new tokens as mixtures of the base's tokens that keep the same company in its language.

Static vectors of the base's tokens, from source text, and of the new ones, from target text, are
laid over each other by a rotation that takes the tokens of both vocabularies onto themselves. What
is each other's nearest then is a larger dictionary, for a better rotation, a few times over
(Artetxe et al. 2018, "A robust self-learning method for fully unsupervised cross-lingual mappings
of word embeddings", arXiv 1805.06297). Nearness is CSLS (Conneau et al. 2018, arXiv 1710.04087):
the cosine, less how near either is to its neighbours in general. Rows are mixed by it as WECHSEL
does (Minixhofer et al. 2022, arXiv 2112.06598), which takes a dictionary made by people.

No sentence has to be translated, but the two texts have to be of the same things.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

ROUNDS = 6
NEAREST = 10
"""Neighbours that an average is taken of, and that a row is mixed from."""
TEMPERATURE = 0.05
CHUNK = 1 << 24
"""Cosines that are held at once."""


def aligned_rows(new_ND: Tensor, known_MD: Tensor, shared_S2: Tensor, rows_MH: Tensor) -> Tensor:
    """Rows of the new tokens, [N, H].

    Args:
        new_ND: Static vectors of the new tokens, of length one.
        known_MD: Static vectors of the base's tokens, of length one.
        shared_S2: Pairs of a new token and one of the base that are the same, at least one.
        rows_MH: The base's rows of those tokens.
    """
    pairs = shared_S2
    for _ in range(ROUNDS):
        placed_ND = new_ND @ _rotation(new_ND[pairs[:, 0]], known_MD[pairs[:, 1]])
        found = [*_nearest(placed_ND, known_MD, 1)]
        there_N = torch.cat([ids for _, ids in found])[:, 0]
        back_M = torch.cat([ids for _, ids in _nearest(known_MD, placed_ND, 1)])[:, 0]
        own_N = torch.arange(len(there_N))
        mutual_N = back_M[there_N] == own_N
        pairs = torch.stack([own_N[mutual_N], there_N[mutual_N]], dim=1)
    placed_ND = new_ND @ _rotation(new_ND[pairs[:, 0]], known_MD[pairs[:, 1]])
    parts = [
        torch.einsum("nk,nkh->nh", (near / TEMPERATURE).softmax(1), rows_MH[ids])
        for near, ids in _nearest(placed_ND, known_MD, min(NEAREST, len(known_MD)))
    ]
    return torch.cat(parts)


def _rotation(new_SD: Tensor, known_SD: Tensor) -> Tensor:
    """The orthogonal map of the least squares (Procrustes), [D, D]."""
    left, _, right = torch.linalg.svd(new_SD.T @ known_SD, full_matrices=False)
    return left @ right


def _nearest(from_ND: Tensor, to_MD: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """CSLS of each to its nearest, and their numbers, [n, count] each, for some at a time."""
    crowd_M = torch.cat([_crowd(cosines) for cosines in _cosines(to_MD, from_ND)])
    for cosines in _cosines(from_ND, to_MD):
        near = 2 * cosines - _crowd(cosines)[:, None] - crowd_M
        values, ids = near.topk(count, dim=1)
        yield values, ids


def _cosines(from_ND: Tensor, to_MD: Tensor) -> Iterator[Tensor]:
    for part in from_ND.split(max(1, CHUNK // len(to_MD))):
        yield part @ to_MD.T


def _crowd(cosines_NM: Tensor) -> Tensor:
    """How near each is to its neighbours on the other side, [N]."""
    return cosines_NM.topk(min(NEAREST, cosines_NM.shape[1]), dim=1).values.mean(dim=1)
