"""Attention to near tokens alone, a stretch of queries at a time.

A mask spares no product: under one, queries are held to keys that none of them sees. Here a
stretch of twice the window is held to itself and a window to both sides. That is exact.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Attention of [B, heads, S, D] and [B, heads, T, D] with a bias, [B, heads, S, D]."""


def pays(length: int, window: int) -> bool:
    """Whether rows are so long that products are spared."""
    return length > 4 * window


def near_attention(
    attend: Attend, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, window: int
) -> Tensor:
    """Attention under a bias that hides all that is further away than a window.

    Args:
        attend: The attention of a stretch.
        q: [B, heads, S, D], and keys and values alike.
        k: The keys.
        v: The values.
        bias: [B or 1, 1, S, S].
        window: How far a token sees, to each side.
    """
    length, parts = q.shape[2], []
    # Blocks of keys, that the backward pass adds up block by block and joins once.
    keys, values = k.split(window, dim=2), v.split(window, dim=2)
    for number, stretch in enumerate(q.split(2 * window, dim=2)):
        first, last = max(0, 2 * number - 1), 2 * number + 3
        rows = slice(2 * number * window, min(2 * (number + 1) * window, length))
        columns = slice(first * window, min(last * window, length))
        seen = attend(
            stretch,
            torch.cat(keys[first:last], dim=2),
            torch.cat(values[first:last], dim=2),
            bias[:, :, rows, columns],
        )
        parts.append(seen.transpose(1, 2))
    return torch.cat(parts, dim=1).transpose(1, 2)
