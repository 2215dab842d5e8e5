"""What the Bible demo is made of: folds, clean text, near-duplicates, passages. All pure.

The Bibles of one language are translations of the same 1,189 chapters, so a chapter that
a task is tested on must be in the training text of *no* language, nor a verse that all but
repeats one of it (the synoptic gospels, Kings and Chronicles, quotations).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, NamedTuple

Fold = Literal["train", "dev", "test"]
Chapter = tuple[int, int]
"""Book 1..66 and chapter, both counted from one."""

TRANSLATIONS = {
    "en": "k43",  # King James, World English, Basic English
    "fr": "lo5",  # Segond, Ostervald, Darby
    "de": "es",  # Elberfelder, Schlachter
    "ru": "r",  # Synodal
    "vi": "7",  # 1934
    "ar": "y",  # Smith and Van Dyke
}
"""Language to its translations' codes in the database, the one tested on first (but see WEB)."""
WEB = "4"
"""The English translation of the dev and test files, and the target side of retrieval."""

GENRES = (
    (5, "law"),
    (17, "history"),
    (22, "poetry"),
    (39, "prophets"),
    (44, "gospels"),
    (65, "epistles"),
)
"""Last book of each genre. Acts counts with the gospels; Revelation (66) has none."""
HELD_OUT = 0.10
"""The share of each genre's chapters in the dev fold, and again in the test fold."""
PASSAGE = 3
"""Verses in one passage."""
GRAM = 8
"""Words in one n-gram of the near-duplicate rule."""

_NUMBERING = re.compile(r"\(\d+[-:]{1,2}\d+[a-z]?\)")
_NOT_TEXT = re.compile("[\u200e\u200f\ufeff*#]+")
_WORDS = re.compile(r"[^\W_]+")


class Verse(NamedTuple):
    """One verse of one translation."""

    translation: str
    book: int
    chapter: int
    number: int
    text: str


def genre_of(book: int) -> str | None:
    """The genre of a book, or None for Revelation."""
    return next((name for last, name in GENRES if book <= last), None)


def folds_of(chapters: Iterable[Chapter]) -> dict[Chapter, Fold]:
    """Deal chapters into folds, genre by genre, in the order of their hashes.

    Dealing within a genre puts every genre in every fold in its own proportion; the hash
    makes the choice independent of reading order, languages and Python's version.
    """
    folds: dict[Chapter, Fold] = {}
    strata: dict[str | None, list[Chapter]] = {}
    for chapter in set(chapters):
        strata.setdefault(genre_of(chapter[0]), []).append(chapter)
    for members in strata.values():
        members.sort(key=lambda c: hashlib.sha256(f"{c[0]}:{c[1]}".encode()).digest())
        held_out = round(len(members) * HELD_OUT)
        for rank, chapter in enumerate(members):
            folds[chapter] = (
                "test" if rank < held_out else "dev" if rank < 2 * held_out else "train"
            )
    return folds


def clean(text: str) -> str:
    """A verse as running text, or an empty string where nothing is left of it.

    Out go the other numbering's marks such as `(3:2)` and the Arabic file's direction
    marks: both stand almost only in the Psalms and would give the genre away.
    """
    text = unicodedata.normalize("NFC", text).replace("`", "'").replace("\u2019", "'")
    text = " ".join(_NOT_TEXT.sub("", _NUMBERING.sub(" ", text)).split())
    return text if _WORDS.search(text) else ""


def grams(text: str) -> list[str]:
    """The word 8-grams of a verse, case and punctuation aside; all of a shorter verse."""
    # Combining marks (the Arabic shadda) are not word characters and would cut words.
    bare = "".join(c for c in text.casefold() if not unicodedata.combining(c))
    words = _WORDS.findall(bare)
    return [" ".join(words[i : i + GRAM]) for i in range(max(1, len(words) - GRAM + 1))]


class MlmText(NamedTuple):
    """The masked-LM text of one language."""

    text: str
    verses: int
    near_duplicates: int


def mlm_text(verses: Iterable[Verse], folds: dict[Chapter, Fold]) -> MlmText:
    """One verse a line, an empty line after each chapter; held-out chapters left out.

    So is every verse at least half of whose grams occur in held-out verses of any of the
    given translations. Verses come in the order of translation, book, chapter, number.
    """
    verses = [v for v in verses if v.text]
    held_out = {
        gram
        for verse in verses
        if folds[verse.book, verse.chapter] != "train"
        for gram in grams(verse.text)
    }
    lines: list[str] = []
    kept = dropped = 0
    for (_, *chapter), group in groupby(verses, key=lambda v: v[:3]):
        if folds[chapter[0], chapter[1]] != "train":
            continue
        before = kept
        for verse in group:
            mine = grams(verse.text)
            if 2 * sum(gram in held_out for gram in mine) >= len(mine):
                dropped += 1
            else:
                lines.append(verse.text)
                kept += 1
        if kept > before:
            lines.append("")
    return MlmText("".join(f"{line}\n" for line in lines), kept, dropped)


def passages(
    verses: Iterable[Verse], folds: dict[Chapter, Fold], fold: Fold
) -> Iterator[dict[str, str]]:
    """Genre examples of one fold: verses 1-3, 4-6 ... of a chapter, an incomplete rest left out.

    Counting by verse number keeps the passages of all languages parallel.
    """
    for (_, book, chapter), group in groupby(verses, key=lambda v: v[:3]):
        label = genre_of(book)
        if label is None or folds[book, chapter] != fold:
            continue
        texts = [v.text for v in group]
        for start in range(0, len(texts) - PASSAGE + 1, PASSAGE):
            text = " ".join(t for t in texts[start : start + PASSAGE] if t)
            if text:
                yield {"text": text, "label": label, "group": f"{book}:{chapter}"}


def parallel(
    source: Iterable[Verse], target: Iterable[Verse], folds: dict[Chapter, Fold], count: int
) -> list[dict[str, str]]:
    """Parallel verses of the test fold, chosen by hash, no text twice on either side.

    A repeated verse ("The word of Yahweh came to me, saying,") would have two right answers.
    """
    texts = {v[1:4]: v.text for v in source}
    pairs: list[dict[str, str]] = []
    seen: set[str] = set()
    test = [v for v in target if folds[v.book, v.chapter] == "test"]
    for verse in sorted(test, key=lambda v: hashlib.sha256(repr(v[1:4]).encode()).digest()):
        pair = {"source": texts.get(verse[1:4], ""), "target": verse.text}
        keys = {f"{side} {' '.join(_WORDS.findall(t.casefold()))}" for side, t in pair.items()}
        if all(pair.values()) and not keys & seen:
            seen |= keys
            pairs.append(pair)
        if len(pairs) == count:
            break
    return pairs
