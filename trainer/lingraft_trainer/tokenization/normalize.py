"""What a tokenizer does to text before it reads it: one rule for every script.

NFC, and of NFKC's compatibility mappings those that take nothing but looks: another width
(fullwidth A, halfwidth kana), a presentation form (Arabic's, vertical ones), a styled letter of
mathematics, a ligature (fi), a radical. All of NFKC would lose what living scripts tell apart: it
tears Thai and Lao sara am in two, spells Armenian's ech-yiwn out, makes a space and a mark of an
accent that stands alone (typed for an apostrophe), parts of syllables of Korean letters, plain
letters of modifier letters (Salish, Hokkien, Berber) and 102 of 10 squared.

White space and control characters become single spaces; so does U+200B, which ends words in
Khmer, Thai and Lao. Joiners (U+200C, U+200D), variation selectors and marks of direction stay.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, normalizers

_LOOKS = {"font", "initial", "medial", "final", "isolated", "vertical", "wide", "narrow", "small"}
_LOOKS |= {"square", "noBreak"}
# Of those called <compat>: letters that are as well written as two (Dutch, Catalan, Afrikaans,
# Croatian), CJK radicals, presentation forms.
_COMPAT = re.compile("[\u0132\u0133\u013f\u0140\u0149\u01c4-\u01cc\u01f1-\u01f3⺀-⿟\ufb00-\ufb4f]")
_INFORMATION = "\u2139"  # an emoji, to NFKC the letter i
_LAST = 0x1D7FF
"""No character behind it has a mapping in the table below."""

NARROW_SPACE = "\u202f(?=[\u1820-\u18aa])"
"""Joins a suffix to its Mongolian word; elsewhere it is a space as others are."""
_SPACES = r"[\x{0}-\x{1F}\x{7F}-\x{A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}"
_SPACES += r"\x{2581}\x{3000}]"  # U+2581 is how pieces write a space
_APART = "\ufdd0"
"""A noncharacter, which no text holds."""


@cache
def folded() -> dict[str, str]:
    """Character to what is read in its place.

    From the table of Unicode 3.2, which every Python carries: none folds more than another.
    """
    found = {chr(code): _fold(chr(code)) for code in range(0x80, _LAST + 1)}
    return {char: text for char, text in found.items() if text != char and " " not in text}


def _fold(character: str) -> str:
    mapping = unicodedata.ucd_3_2_0.decomposition(character)
    if not mapping.startswith("<") or character == _INFORMATION:
        return character
    tag, *parts = mapping.split()
    if tag[1:-1] not in _LOOKS and not _COMPAT.match(character):
        return character
    return "".join(_fold(chr(int(part, 16))) for part in parts)


def text_normalizer() -> normalizers.Normalizer:
    """The rule, as a tokenizer carries it."""
    spaces = rf" *(?:(?!{NARROW_SPACE}){_SPACES} *)+| {{2,}}"
    return normalizers.Sequence(
        [
            # Precompiled maps a grapheme of less than six bytes by its first character and drops
            # the rest, such as an accent on a ligature: nothing may join it.
            normalizers.Replace(Regex(f"(?<=[{_ranges(folded())}])"), _APART),
            normalizers.Precompiled(_charsmap()),
            normalizers.Replace(_APART, ""),
            normalizers.NFC(),
            normalizers.Replace(Regex(spaces), " "),
            normalizers.Replace(Regex(r"\A | \z"), ""),
        ]
    )


def _charsmap() -> bytes:
    """The mappings as sentencepiece compiles them, which is how `tokenizers` reads them."""
    sentencepiece.set_min_log_level(2)
    made = sentencepiece.SentencePieceNormalizer(norm_map=sorted(folded().items()))
    # Protobuf makes the classes of its modules at run time.
    spec = cast(Any, sentencepiece_model_pb2).NormalizerSpec
    return spec.FromString(made.serialized_normalizer_spec()).precompiled_charsmap


def _ranges(characters: Iterable[str]) -> str:
    """Characters as the ranges of a regular expression's class."""
    codes = set(map(ord, characters))
    first = sorted(code for code in codes if code - 1 not in codes)
    last = sorted(code for code in codes if code + 1 not in codes)
    return "".join(rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in zip(first, last, strict=True))
