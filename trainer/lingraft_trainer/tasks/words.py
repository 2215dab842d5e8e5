"""Words as tokens, so that every word has a first token of its own.

A word is cut by itself, as it stands behind a space: what taggers have always been fed
(`is_split_into_words`, with RoBERTa's `add_prefix_space`), also in scripts that write no spaces. So
no token spans two words, and no tokenizer's normaliser or offsets have a say in which is whose. A
word that the tokenizer makes nothing of (blank, a lone U+FEFF) is the unknown token, as in XTREME's
baselines; where there is none, the masked one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from transformers import PreTrainedTokenizerBase as Tokenizer

_PROBES = ("a", "1", ".", "\u0939")
"""Some tokenizer knows none of them, but none all of the world's letters but these."""
SHARED = 3
"""A window shares up to a third of itself with the next."""


@dataclass(frozen=True)
class Frame:
    """Ids before and behind a text."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    def room(self, max_length: int) -> int:
        """Tokens of words in a window."""
        return max_length - len(self.first) - len(self.last)


def frame_of(tokenizer: Tokenizer) -> Frame:
    """How a tokenizer frames a text."""
    encoded = tokenizer(_PROBES[0], truncation=False, padding=False)
    ids: list[int] = encoded["input_ids"]
    inside = [i for i, side in enumerate(encoded.sequence_ids()) if side is not None]
    start, end = (inside[0], inside[-1] + 1) if inside else (1, 1)
    return Frame(tuple(ids[:start]), tuple(ids[end:]))


def cut_words(words: Iterable[str], tokenizer: Tokenizer) -> dict[str, list[int]]:
    """Each word's tokens, at least one.

    Args:
        words: Any; each is cut once.
        tokenizer: Of either language.
    """
    distinct = sorted(set(words))
    if not distinct:
        return {}
    lead = _lead(tokenizer)
    pieces = _pieces(tokenizer, [lead + word for word in distinct])
    nothing: Any = tokenizer.unk_token_id
    if nothing is None:
        nothing = tokenizer.mask_token_id
    return {word: ids or [nothing] for word, ids in zip(distinct, pieces, strict=True)}


def _pieces(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False, truncation=False, padding=False)["input_ids"]


def _lead(tokenizer: Tokenizer) -> str:
    """What a word needs in front to be cut as it is behind a space: one, or nothing.

    Many tokenizers put a space in front of any text themselves, and some of those do so even where
    one is there: which it is shows in a text of two words.
    """
    for probe in _PROBES:
        both, bare, spaced = _pieces(tokenizer, [f"{probe} {probe}", probe, f" {probe}"])
        if bare and both == bare + bare:
            return ""
        if spaced and both == bare + spaced:
            break
    return " "


@dataclass(frozen=True)
class Window:
    """A stretch of a sentence, in words.

    Attributes:
        start: Its first word.
        end: Behind its last.
        own: First word, and behind the last, of those that are labelled and scored in it.
    """

    start: int
    end: int
    own: tuple[int, int]


def windows(sizes: Sequence[int], room: int) -> list[Window]:
    """A sentence in overlapping windows; every word is one window's own.

    What two windows share is parted in its middle, so that a word is read with words to both
    sides. A sentence that fits is one window.

    Args:
        sizes: Tokens of each word, of which there is one at least; none more than `room`.
        room: Tokens of a window, at most.
    """
    spans: list[tuple[int, int]] = []
    start = end = 0
    while end < len(sizes):
        start, left = end, min(room // SHARED, room - sizes[end]) if spans else 0
        while start and sizes[start - 1] <= left:
            start -= 1
            left -= sizes[start]
        left = room - sum(sizes[start:end])
        while end < len(sizes) and sizes[end] <= left:
            left -= sizes[end]
            end += 1
        spans.append((start, end))
    # Word to which a window's own reach: the middle of what it shares with the next.
    cuts = [0, *((after[0] + before[1]) // 2 for before, after in pairwise(spans)), len(sizes)]
    own = pairwise(cuts)
    return [Window(start, end, part) for (start, end), part in zip(spans, own, strict=True)]
