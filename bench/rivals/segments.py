"""The shortest stretches of a text that two tokenizers both have in whole tokens."""

from collections.abc import Sequence
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase as Tokenizer


class Read(NamedTuple):
    """A text in one tokenizer's tokens, special ones left out: ids, and the stretch of each."""

    ids: list[int]
    segments: list[int]


def segments_of(ends: Sequence[int], others: Sequence[int]) -> list[int]:
    """The stretch that each token lies in, counted from 0.

    Args:
        ends: Where each token ends in the text, in characters, rising.
        others: Where those of the other tokenizer end.
    """
    both = sorted(set(ends) & set(others))
    found: list[int] = []
    at = 0
    for end in ends:
        while at < len(both) and both[at] < end:
            at += 1
        found.append(at)
    return found


def read_by_both(text: str, one: Tokenizer, other: Tokenizer, most: int) -> tuple[Read, Read]:
    """A text's beginning in the tokens of two tokenizers, of `most` tokens at most in either.

    It ends where a stretch does; what is left over behind the last common end is left out.
    """
    encoded = [t(text, add_special_tokens=False, return_offsets_mapping=True) for t in (one, other)]
    ends = [[int(end) for _, end in e["offset_mapping"]] for e in encoded]
    numbers = [segments_of(*ends), segments_of(*reversed(ends))]
    whole = len(set(ends[0]) & set(ends[1]))
    for number in numbers:
        if len(number) > most:
            whole = min(whole, number[most])
    reads = [
        Read(e["input_ids"][:kept], number[:kept])
        for e, number in zip(encoded, numbers, strict=True)
        for kept in [sum(n < whole for n in number)]
    ]
    return reads[0], reads[1]
