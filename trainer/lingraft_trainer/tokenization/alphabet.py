"""Which characters are pieces of a unigram vocabulary whatever its text, and whether bytes are.

First the text's characters, the most frequent ones until 99.95 % of it are written: without them
there is no tokenizer. Half of the pieces that are left belong to longer ones. The other half is
room for, in this order, each group as a whole or nothing from there on:

1. printable ASCII (names, addresses, the typewriter's apostrophe);
2. the alphabets: of each script that a tenth of the text's letters or its language are written in,
   both cases of its letters, and the quotation marks and dashes of print;
3. the bytes that UTF-8 writes all other characters with. With them nothing is unknown.

Then, in what room is left, up to a sixteenth of the pieces each: single characters of the base's
vocabulary, and of the text those that are rarer still (where there are bytes, none of Han, Hangul
and Yi: there are too many that occur once).

The alphabet of a script is every letter, mark, digit and punctuation mark that Unicode names after
it. Scripts of many languages have more than a language uses: of those it is a basic block and the
rows of 64 characters in which the text's letters stand. Of Han, Hangul and Yi, with their
thousands, it is the text's own characters alone, and Korea's letters.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from functools import cache

from lingraft_trainer.data.script import expected_scripts, script_name, script_of

COVERAGE = 0.9995
"""Of the reference recipe."""
ASCII = frozenset(map(chr, range(0x21, 0x7F)))
PRINT = frozenset("¡¿«»‐–—‘’‚“”„…")  # noqa: RUF001
BYTES = (*range(0x80, 0xC0), *range(0xC2, 0xF5))
"""Not those of ASCII, whose characters are pieces, nor those that are in no UTF-8."""
WHOLE = 320
"""Characters of the largest script that is taken whole; Vai has 300."""
MARKS = "COMBINING"
"""What the names of marks that belong to no script begin with."""
BASIC = {
    MARKS: "",
    "LATIN": "\u00c0-\u017f",
    "CYRILLIC": "\u0400-\u045f\u0490-\u0491",
    "GREEK": "\u0386-\u03ce",
    "ARABIC": "\u060c-\u066c\u0670-\u0670",
    "ETHIOPIC": "\u1200-\u137c",
    "CANADIAN SYLLABICS": "",
    "BAMUM": "\ua6a0-\ua6f7",
}
THOUSANDS = {"CJK", "HANGUL", "YI"}
KOREAN = "\u3131-\u3163"
"""The letters that syllables are made of, as they are typed alone."""
ROW = 64


@dataclass(frozen=True)
class Alphabet:
    """What was decided.

    Attributes:
        characters: Single characters that are pieces, ordered.
        bytes: Whether the bytes are pieces.
        least: Pieces of the smallest vocabulary that has room for the three groups.
    """

    characters: str
    bytes: bool
    least: int


def choose_alphabet(
    counts: Counter[str],
    pieces: int,
    *,
    language: str | None,
    others: Iterable[str],
    plain: Callable[[str], bool],
) -> Alphabet:
    """Decide.

    Args:
        counts: The text's characters, spaces left out.
        pieces: Of the vocabulary, special tokens left out.
        language: Of the text, BCP 47.
        others: Single characters of the base's vocabulary, the most important first.
        plain: Whether a character is the same after normalisation.
    """
    ordered = sorted(counts, key=lambda char: (-counts[char], char))
    chosen = set(ordered[: _covering([counts[char] for char in ordered])])
    own = len(chosen)
    room = max(0, pieces - own) // 2
    groups = [set(filter(plain, group)) for group in (ASCII, alphabets(counts, chosen, language))]
    wanted = chosen.union(*groups)
    least = own + 2 * (len(wanted) - own + len(BYTES))
    for group in groups:
        if len(group | chosen) - own > room:
            break
        chosen |= group
    with_bytes = pieces >= least
    room -= len(chosen) - own + len(BYTES) * with_bytes
    rare = [c for c in ordered if not (with_bytes and script_name(c) in THOUSANDS)]
    for source in (others, rare):
        more = [c for c in dict.fromkeys(source) if c not in chosen and plain(c)]
        taken = more[: min(room, pieces // 16)]
        chosen.update(taken)
        room -= len(taken)
    return Alphabet("".join(sorted(chosen)), with_bytes, least)


def _covering(counts: list[int]) -> int:
    """How many of the largest counts make up the coverage."""
    missing = (1 - COVERAGE) * sum(counts)
    taken = len(counts)
    while taken and (missing := missing - counts[taken - 1]) >= 0:
        taken -= 1
    return taken


def alphabets(counts: Counter[str], common: Set[str], language: str | None) -> set[str]:
    """The characters of the scripts that a text or its language uses.

    Args:
        counts: The text's characters.
        common: Those that are not rare.
        language: Of the text, BCP 47.
    """
    letters: Counter[str] = Counter()
    for char, times in counts.items():
        if (script := script_of(char)) is not None:
            letters[script] += times
    tenth = letters.total() / 10
    scripts = {script for script, times in letters.items() if times >= tenth}
    scripts |= (expected_scripts(language) if language else None) or set()
    found = {case for char in common for case in (char.lower(), char.upper(), char.title())}
    found = {case for case in found if len(case) == 1} | PRINT
    for script in scripts | {MARKS}:
        found |= _alphabet(script, {char for char in common if script_name(char) == script})
    return found


def _alphabet(script: str, used: Set[str]) -> set[str]:
    """The characters of one script, or of a large one the basic ones and those near `used`."""
    members = _members().get(script, frozenset())
    if len(members) <= WHOLE:
        return set(members)
    if script not in BASIC:
        return _within(KOREAN, members) if script == "HANGUL" else set()
    basic = _within(BASIC[script], members)
    rows = {ord(char) // ROW for char in used}
    near = {char for char in members if ord(char) // ROW in rows} - basic
    return basic | near if len(near) <= WHOLE else basic


def _within(ranges: str, characters: Set[str]) -> set[str]:
    """Those in ranges written as in a regular expression's class."""
    ends = list(zip(ranges[::3], ranges[2::3], strict=True))
    return {char for char in characters if any(first <= char <= last for first, last in ends)}


@cache
def _members() -> dict[str, frozenset[str]]:
    """Letters, marks, digits and punctuation by the script they are named after."""
    found: dict[str, set[str]] = {}
    for char in map(chr, range(0x20, 0x20000)):
        category = unicodedata.category(char)
        if (category[0] in "LMP" or category == "Nd") and (script := script_name(char)) is not None:
            found.setdefault(script, set()).add(char)
    return {script: frozenset(chars) for script, chars in found.items()}
