"""Is a text in the script its language is written in? Counted by letters."""

import unicodedata
from collections import Counter
from functools import lru_cache

from lingraft_trainer.data.languages import LANGUAGES, SCRIPTS

_NAMES = frozenset[str]().union(*SCRIPTS.values())
_MORE_WORDS = {name.split()[0] for name in _NAMES if " " in name}
_SAME = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "KATAKANA", "ARABIC-INDIC": "ARABIC"}
_VARIANTS = {"EXTENDED", "FULLWIDTH", "HALFWIDTH"}
"""What the name of a script's character may have in front of the script's name."""


def expected_scripts(language: str) -> set[str] | None:
    """Names of the scripts a language is written in (see `languages`); None where not known.

    A tag may name its script itself: sr-Latn, uz-Cyrl.
    """
    primary, *subtags = language.replace("_", "-").split("-")
    for subtag in subtags:
        if len(subtag) == 4 and subtag.isalpha():
            return SCRIPTS.get(subtag.title())
    return LANGUAGES.get(primary.lower())


@lru_cache(maxsize=1 << 17)
def script_name(character: str) -> str | None:
    """The script that Unicode names a character after; None for those of every script.

    Of a script that is not in the tables it is the first word.
    """
    words = unicodedata.name(character, "").split()
    if words and words[0] in _VARIANTS:
        del words[0]
    if not words or words[0] == "MODIFIER":
        return None
    if words[0] in _MORE_WORDS:
        for count in (3, 2):
            if (name := " ".join(words[:count])) in _NAMES:
                return name
    return _SAME.get(words[0], words[0])


def script_of(letter: str) -> str | None:
    """The script of a letter; None for other characters and the letters of every script."""
    return script_name(letter) if letter.isalpha() else None


class ScriptCheck:
    """Counts the scripts of the first `limit` letters it is shown."""

    def __init__(self, language: str | None, limit: int = 1_000_000) -> None:
        self.language = language
        self.expected = expected_scripts(language) if language else None
        self.limit = limit
        self.counts: Counter[str] = Counter()
        self._seen = 0

    def add(self, text: str) -> None:
        """Count a paragraph."""
        if self.expected is None or self._seen >= self.limit:
            return
        for letter, times in Counter(text).items():
            if (script := script_of(letter)) is not None:
                self.counts[script] += times
                self._seen += times

    def warning(self) -> str | None:
        """One sentence if less than half of the letters are in an expected script."""
        if self.expected is None or not self._seen:
            return None
        share = sum(self.counts[s] for s in self.expected) / self._seen
        if share >= 0.5:
            return None
        top = self.counts.most_common(1)[0][0].title()
        names = " or ".join(sorted(s.title() for s in self.expected))
        return (
            f"only {share:.0%} of the letters are {names}, the script of language "
            f"{self.language!r}; most are {top}: is this the right text?"
        )
