"""A Debian package's section from its description: `sections.py --out DIR`.

Volunteers translate descriptions; the archive's sections label them. Writes for fr, de and ru
    sections/en-train.jsonl, en-dev.jsonl, <xx>-test.jsonl (en too)    {text, label, group}
    sections/<xx>-train.jsonl     for the ceiling alone; Russian has none
    <xx>.txt                      text of the sources that no test or dev row is of; en too
The same bytes for one state of the mirror; a second run finds its stamp and fetches nothing.
Nothing of it belongs into a repository.

As published the task is given away by names and jargon that nobody translates: TF-IDF trained
on English gets .58 on German. So a translation keeps only the words that its English original
does not have. No Bible has any of the test rows; whoever trains on `<xx>.txt` has none either.

`compare.py` says what a score has to be compared with. Needs Debian's apt, but no root.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from descriptions import CLASSES, LEAST_WORDS, Described, described, masked, paragraphs, words
from indexes import Package, fetch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bible"))
from bible import Fold, grams
from prepare import jsonl, up_to_date, write

LANGUAGES = ("fr", "de", "ru")
STAMP = ".sections.json"
SCARCE = "ru"
"""The sources translated to it are all held out: there are too few to share."""
TEST, DEV = 0.25, 0.1
"""Shares of the other sources."""
MOST = {"train": 400, "dev": 60, "test": 60}
"""Examples of a class."""
FILES: list[tuple[str, Fold]] = [
    ("en", "train"),
    ("en", "dev"),
    ("en", "test"),
    *((language, "train") for language in LANGUAGES if language != SCARCE),
    *((language, "test") for language in LANGUAGES),
]
Row = dict[str, str]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


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


def outputs(packages: list[Package]) -> dict[str, str]:
    """The content of every file, by its path below the output directory."""
    found = described(packages)
    folds = folds_of(found)
    texts = {f"{xx}.txt": corpus(packages, xx, folds) for xx in ("en", *LANGUAGES)}
    its_rows = task(found, folds).items()
    return texts | {f"sections/{name}.jsonl": jsonl(content) for name, content in its_rows}


def scripts_digest() -> str:
    """What the outputs were made by."""
    here = Path(__file__).resolve().parent
    names = ["sections.py", "descriptions.py", "indexes.py", "../bible/bible.py"]
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in names)).hexdigest()


def main() -> None:
    """Parse the command line; fetch and write what is missing; print what there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    stamp_path = out / STAMP
    stamp = json.loads(stamp_path.read_text()) if stamp_path.is_file() else {}
    if stamp.get("scripts") != scripts_digest() or not up_to_date(out, stamp["files"]):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".") as state:
            packages, release = fetch(LANGUAGES, Path(state))
        print(f"Debian {release}: {len(packages):,} packages")
        files = {path: write(out / path, text) for path, text in outputs(packages).items()}
        stamp = {"scripts": scripts_digest(), "files": files}
        write(stamp_path, json.dumps(stamp, indent=1, sort_keys=True))
    for path in stamp["files"]:
        text = (out / path).read_text("utf-8")
        if path.endswith(".txt"):
            print(f"{path}: {len(text):,} characters")
        else:
            labels = [json.loads(line)["label"] for line in text.splitlines()]
            count = ", ".join(f"{label} {labels.count(label)}" for label in CLASSES)
            print(f"{path}: {len(labels)} rows; {count}")


if __name__ == "__main__":
    main()
