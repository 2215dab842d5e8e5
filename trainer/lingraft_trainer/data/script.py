"""Is a text in the script its language is written in? Counted by letters."""

import unicodedata
from collections import Counter
from functools import lru_cache

_LATIN = (
    "af az bs ca ceb cs cy da de en eo es et eu fi fil fo fr ga gl ha hr ht hu id ig is it jv ku "
    "la lb lg ln lt lv mg ms mt nb nl nn no nso om pl pt qu rn ro rw sk sl sn so sq ss st su sv "
    "sw tl tn tr ts uz vi wo xh yo zu"
)
_SCRIPTS: dict[str, set[str]] = {code: {"LATIN"} for code in _LATIN.split()}
for _codes, _names in {
    "be bg kk ky mk mn ru tg uk": "CYRILLIC",
    "ar arz fa ks ps sd ug ur": "ARABIC",
    "as bn": "BENGALI",
    "hi mr ne sa": "DEVANAGARI",
    "he yi": "HEBREW",
    "am ti": "ETHIOPIC",
    "ja": "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA",
    "ko": "HANGUL CJK",
    "zh": "CJK BOPOMOFO",
    "sr": "CYRILLIC LATIN",
    "el": "GREEK",
    "hy": "ARMENIAN",
    "ka": "GEORGIAN",
    "gu": "GUJARATI",
    "kn": "KANNADA",
    "km": "KHMER",
    "lo": "LAO",
    "ml": "MALAYALAM",
    "my": "MYANMAR",
    "or": "ORIYA",
    "pa": "GURMUKHI",
    "si": "SINHALA",
    "ta": "TAMIL",
    "te": "TELUGU",
    "th": "THAI",
    "bo dz": "TIBETAN",
}.items():
    _SCRIPTS |= {code: set(_names.split()) for code in _codes.split()}

# ISO 15924 subtags, where the language tag names its script itself (sr-Latn, uz-Cyrl).
_SUBTAGS = {
    "Latn": {"LATIN"},
    "Cyrl": {"CYRILLIC"},
    "Arab": {"ARABIC"},
    "Deva": {"DEVANAGARI"},
    "Hans": {"CJK"},
    "Hant": {"CJK", "BOPOMOFO"},
    "Hebr": {"HEBREW"},
    "Grek": {"GREEK"},
    "Guru": {"GURMUKHI"},
}


def expected_scripts(language: str) -> set[str] | None:
    """First words of Unicode names of a language's letters; None where it is not known."""
    primary, *subtags = language.replace("_", "-").split("-")
    for subtag in subtags:
        if len(subtag) == 4:
            return _SUBTAGS.get(subtag.title())
    return _SCRIPTS.get(primary.lower())


@lru_cache(maxsize=1 << 16)
def script_of(letter: str) -> str | None:
    """The script of a letter, as the first word of its Unicode name; None for other characters."""
    if not letter.isalpha():
        return None
    return unicodedata.name(letter, "UNKNOWN").split()[0].removesuffix("-")


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
