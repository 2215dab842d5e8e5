"""Features as `TaskKind.encode` gives them, whether a model reads one row of each or several."""

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

T = TypeVar("T", bound=PreTrainedTokenizerBase)

IGNORED = -100
"""Target of a token that has none."""


def with_padding(tokenizer: T) -> T:
    """A tokenizer that pads: with the end, where it has nothing for it, as many causal ones."""
    if tokenizer.pad_token is None:
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def rows_of(feature: dict[str, Any]) -> list[dict[str, Any]]:
    """A feature's rows of a model: itself, or one for each choice."""
    return feature.get("rows", [feature])


def tokens_of(feature: dict[str, Any]) -> int:
    """Tokens of all its rows."""
    return sum(len(row["input_ids"]) for row in rows_of(feature))


def targets_of(features: Sequence[dict[str, Any]]) -> Tensor:
    """Features' targets [B, ...]; lists, one a token, as long as the longest of them."""
    targets = [feature["target"] for feature in features]
    if isinstance(targets[0], list):
        longest = max(map(len, targets))
        targets = [one + [IGNORED] * (longest - len(one)) for one in targets]
    return torch.tensor(targets)
