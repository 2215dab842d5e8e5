"""A Debian package's section from its description: `sections.py --out DIR`.

Volunteers translate descriptions; the archive's sections label them. Writes for fr, de and ru
    sections/en-train.jsonl, en-dev.jsonl, <xx>-test.jsonl (en too)    {text, label, group}
    sections/<xx>-train.jsonl     for the ceiling alone; Russian has none
    <xx>.txt                      text of the sources that no test or dev row is of; en too
The same bytes for one state of the mirror; a second run finds its files and fetches nothing.
Nothing of it belongs into a repository.

As published the task is given away by names and jargon that nobody translates: TF-IDF trained
on English gets .58 on German. So a translation keeps only the words that its English original
does not have. No Bible has any of the test rows; whoever trains on `<xx>.txt` has none either.

`compare.py` says what a score has to be compared with. Needs Debian's apt, but no root.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from indexes import Package, fetch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bible"))
from bible import Fold, grams
from prepare import jsonl, write

LANGUAGES = ("fr", "de", "ru")
CLASSES = {
    "admin": "admin kernel shells",
    "communication": "mail news comm hamradio",
    "desktop": "gnome kde xfce x11 gnustep",
    "development": "devel vcs interpreters",
    "fonts": "fonts localization",
    "games": "games",
    "graphics": "graphics",
    "multimedia": "sound video",
    "network": "net",
    "science": "science math education electronics",
    "text": "text tex editors",
    "web": "web httpd",
}
"""Class to its sections. Libraries, documentation and languages' modules are told by their form."""
SCARCE = "ru"
"""The sources translated to it are all held out: there are too few to share."""
TEST, DEV = 0.25, 0.1
"""Shares of the other sources."""
MOST = {"train": 400, "dev": 60, "test": 60}
"""Examples of a class."""
LEAST_WORDS = 20
"""A description has to say something, after masking too."""
FILES: list[tuple[str, Fold]] = [
    ("en", "train"),
    ("en", "dev"),
    ("en", "test"),
    *((language, "train") for language in LANGUAGES if language != SCARCE),
    *((language, "test") for language in LANGUAGES),
]
_TRIVIAL = re.compile(r"^lib|-(dev|doc|dbg|data|common|examples|l10n|i18n|locales?)\b")
_EMPTY = re.compile(r"meta-?\s?package|dummy|transitional", re.IGNORECASE)
_LISTED = re.compile(r"\s|[-*+o•·]\s")
_WORDS = re.compile(r"[^\W_]+")
Row = dict[str, str]


class Described(NamedTuple):
    """The one package that a source is told by, its prose by language."""

    source: str
    label: str
    prose: dict[str, str]


def paragraphs(description: str) -> list[str]:
    """The synopsis and the long description's running text: no lists, nothing set apart."""
    synopsis, *lines = description.split("\n")
    found: list[list[str]] = [[f"{synopsis}."], []]
    for line in lines:
        if line.strip() in ("", "."):
            found.append([])
        elif not _LISTED.match(line):
            found[-1].append(line.strip())
    return [" ".join(lines) for lines in found if lines]


def words(text: str) -> list[str]:
    """The words of a text, without regard to case."""
    return _WORDS.findall(text.casefold())


def masked(text: str, original: str) -> str:
    """A translation without the words that its original has: names, jargon, what was left as is.

    A single letter stays: French needs it (`l'image`), and nothing is given away by it.
    """
    shared = {word for word in words(original) if len(word) > 1}
    left = _WORDS.sub(lambda m: "" if m[0].casefold() in shared else m[0], text)
    return " ".join(token.strip("-/_") for token in left.split() if _WORDS.search(token))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def described(packages: Iterable[Package]) -> list[Described]:
    """One package a source, the most translated, then the longest.

    Paragraphs that stand in several sources' descriptions ("... is part of the KDE project") are
    left out, flavours of one source too. What is masked is still to come.
    """
    labels = {section: label for label, names in CLASSES.items() for section in names.split()}
    mine = [
        package
        for package in packages
        if package.section in labels
        and not _TRIVIAL.search(package.name)
        and not _EMPTY.search(package.descriptions.get("en", "dummy"))
    ]
    sources: dict[str, set[str]] = defaultdict(set)
    for package in mine:
        for text in package.descriptions.values():
            for paragraph in paragraphs(text):
                sources[paragraph].add(package.source)
    best: dict[str, tuple[tuple[int, int, str], Described]] = {}
    for package in mine:
        prose = {
            language: " ".join(p for p in paragraphs(text) if len(sources[p]) == 1)
            for language, text in package.descriptions.items()
        }
        if len(words(prose["en"])) < LEAST_WORDS:
            continue
        rank = (len(prose), len(prose["en"]), package.name)
        if package.source not in best or rank > best[package.source][0]:
            one = Described(package.source, labels[package.section], prose)
            best[package.source] = rank, one
    return [one for _, one in best.values()]


def folds_of(found: Iterable[Described]) -> dict[str, Fold]:
    """Deal sources into folds by hash; those translated to the scarce language into test."""
    folds: dict[str, Fold] = {}
    for one in found:
        place = int.from_bytes(_hash(one.source)[:4]) / 2**32
        held_out = SCARCE in one.prose or place < TEST
        folds[one.source] = "test" if held_out else "dev" if place < TEST + DEV else "train"
    return folds


def distinct(found: Iterable[Described], folds: dict[str, Fold]) -> list[Described]:
    """In the order of hashes, test first: nothing that all but repeats an earlier one's English.

    Of a source and its successor (`foo` and `foo2`) one is left, and never the training one.
    """
    order = ["test", "dev", "train"]
    seen: set[str] = set()
    kept: list[Described] = []
    for one in sorted(found, key=lambda d: (order.index(folds[d.source]), _hash(d.source))):
        mine = grams(one.prose["en"])
        if 2 * sum(gram in seen for gram in mine) < len(mine):
            kept.append(one)
        seen.update(mine)
    return kept


def rows(found: Iterable[Described], language: str) -> Iterator[Row]:
    """Examples of a language, a translation masked."""
    for one in found:
        text = one.prose.get(language, "")
        if language != "en":
            text = masked(text, one.prose["en"])
        if len(words(text)) >= LEAST_WORDS:
            yield {"text": text, "label": one.label, "group": one.source}


def balanced(found: Iterable[Row], most: int) -> list[Row]:
    """At most so many of each class, the first ones."""
    count: Counter[str] = Counter()
    kept: list[Row] = []
    for row in found:
        count[row["label"]] += 1
        if count[row["label"]] <= most:
            kept.append(row)
    return kept


def task(found: list[Described], folds: dict[str, Fold]) -> dict[str, list[Row]]:
    """Every file's rows, by `<language>-<fold>`; a dev fold is needed of English alone."""
    left = distinct(found, folds)
    return {
        f"{language}-{fold}": balanced(
            rows((one for one in left if folds[one.source] == fold), language), MOST[fold]
        )
        for language, fold in FILES
    }


def corpus(packages: Iterable[Package], language: str, folds: dict[str, Fold]) -> str:
    """One paragraph a line, each once, an empty line after each package, nothing held out.

    Nor a paragraph at least half of whose 8-grams occur in held-out descriptions. English only
    of what is translated at all, so that the languages tell of the same things.
    """
    held_out: set[str] = set()
    free: list[list[str]] = []
    for package in packages:
        if language not in package.descriptions or len(package.descriptions) == 1:
            continue
        told = paragraphs(package.descriptions[language])
        if folds.get(package.source, "train") == "train":
            free.append(told)
        else:
            held_out.update(gram for paragraph in told for gram in grams(paragraph))
    seen: set[str] = set()
    blocks: list[str] = []
    for told in free:
        kept: list[str] = []
        for paragraph in told:
            mine = grams(paragraph)
            if paragraph not in seen and 2 * sum(g in held_out for g in mine) < len(mine):
                kept.append(f"{paragraph}\n")
            seen.add(paragraph)
        if kept:
            blocks.append("".join(kept))
    return "\n".join(blocks)


def main() -> None:
    """Parse the command line; fetch and write what is missing; print what there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    files = {f"{xx}-{fold}": out / "sections" / f"{xx}-{fold}.jsonl" for xx, fold in FILES}
    texts = {language: out / f"{language}.txt" for language in ("en", *LANGUAGES)}
    if not all(file.exists() for file in [*files.values(), *texts.values()]):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".") as state:
            packages, release = fetch(LANGUAGES, Path(state))
        print(f"Debian {release}: {len(packages):,} packages")
        found = described(packages)
        folds = folds_of(found)
        for language, file in texts.items():
            write(file, corpus(packages, language, folds))
        for name, its_rows in task(found, folds).items():
            write(files[name], jsonl(its_rows))
    for name, file in files.items():
        labels = [json.loads(line)["label"] for line in file.read_text("utf-8").splitlines()]
        count = ", ".join(f"{label} {labels.count(label)}" for label in CLASSES)
        print(f"{name}: {len(labels)} rows; {count}")
    for language, file in texts.items():
        print(f"{language}.txt: {len(file.read_text('utf-8')):,} characters")


if __name__ == "__main__":
    main()
