"""One vector of a text's states, in the ways that sentence-transformers has."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pool(states_BSH: Tensor, attention_BS: Tensor, ways: Sequence[str], skipped: int = 0) -> Tensor:
    """Pool states over their texts.

    Args:
        states_BSH: Of the tokens.
        attention_BS: 1 where there is one, 0 for padding; it may stand before the text.
        ways: One vector each, one behind the other.
        skipped: Tokens at each text's start that do not count.

    Returns:
        [B, H] for each way, joined to [B, H * ways].
    """
    rank_BS = attention_BS.cumsum(1)
    counted_BS = attention_BS * (rank_BS > skipped)
    weights_BS1 = counted_BS.unsqueeze(-1)
    found: list[Tensor] = []
    for way in ways:
        match way:
            case "cls":
                found.append(_at(states_BSH, counted_BS.argmax(1)))
            case "lasttoken":
                found.append(_at(states_BSH, (rank_BS * counted_BS).argmax(1)))
            case "max":
                lowest = torch.finfo(states_BSH.dtype).min
                found.append(states_BSH.masked_fill(weights_BS1 == 0, lowest).amax(1))
            case "mean":
                found.append((states_BSH * weights_BS1).sum(1) / _least(weights_BS1.sum(1)))
            case "mean_sqrt_len_tokens":
                count_B1 = _least(weights_BS1.sum(1)).sqrt()
                found.append((states_BSH * weights_BS1).sum(1) / count_B1)
            case "weightedmean":  # the later, the more
                later_BS1 = (counted_BS * rank_BS).unsqueeze(-1)
                found.append((states_BSH * later_BS1).sum(1) / _least(later_BS1.sum(1)))
            case _:
                raise AssertionError(way)  # `lingraft.encoders` lets no other pass
    return torch.cat(found, dim=1)


def _at(states_BSH: Tensor, place_B: Tensor) -> Tensor:
    return states_BSH[torch.arange(len(place_B), device=place_B.device), place_B]


def _least(count: Tensor) -> Tensor:
    """At least 1, for a text of which no token counts."""
    return count.clamp(min=1)
