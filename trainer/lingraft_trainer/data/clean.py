"""Cleaning a paragraph."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

_CONTROL = "\x00-\x1f\x7f-\x9f"
# In Mongolian U+202F joins a suffix to its word; elsewhere it is a space as others are.
_SPACE = re.compile(f"(?:(?!\u202f[\u1820-\u18aa])[\\s{_CONTROL}])+")
_NOTHING = re.compile("[\ufeff\ud800-\udfff]")


class Cleaner:
    """Cleans a paragraph: NFC, single spaces, no control characters, no special tokens.

    A control character ends a word, as a space does; a byte order mark and half a surrogate pair
    are nothing. Joiners, marks of direction and all letters stay.

    A special token spelled out in the text (`<s>` of an HTML page) would become a real one: a
    space is put behind its first character. Tokenizers may read other characters as the same, so
    a text that spells one out in NFKC (fullwidth `<s>`) is taken in NFKC.
    """

    def __init__(self, special_tokens: Iterable[str] = ()) -> None:
        words = sorted(special_tokens, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        """The clean paragraph, empty if nothing is left."""
        text = _plain(text, "NFC")
        if self._special is not None:
            text = self._special.sub(_broken, text)
            if self._special.search(unicodedata.normalize("NFKC", text)):
                text = self._special.sub(_broken, _plain(text, "NFKC"))
        return text


def _plain(text: str, form: Literal["NFC", "NFKC"]) -> str:
    return _SPACE.sub(" ", unicodedata.normalize(form, _NOTHING.sub("", text))).strip(" ")


def _broken(token: re.Match[str]) -> str:
    return f"{token[0][:1]} {token[0][1:]}"
