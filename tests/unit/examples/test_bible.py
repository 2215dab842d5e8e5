"""The Bible demo's data: folds, near-duplicates, passages, and a run over a made-up wheel."""

import hashlib
import json
import sqlite3
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "bible"))

import bible
import prepare
from bible import Chapter, Fold, Verse

# As many chapters as the 66 books have by genre, Revelation last.
SIZES = {1: 187, 6: 249, 18: 243, 23: 250, 40: 117, 45: 121, 66: 22}
CHAPTERS = [(book, chapter) for book, size in SIZES.items() for chapter in range(1, size + 1)]


def verses(book: int, chapter: int, *texts: str, translation: str = "4") -> list[Verse]:
    return [Verse(translation, book, chapter, n, text) for n, text in enumerate(texts, 1)]


def test_genres_follow_the_numbering_of_the_books():
    names = [bible.genre_of(book) for book in (1, 5, 6, 17, 18, 22, 23, 39, 40, 44, 45, 65)]
    genres = ["law", "history", "poetry", "prophets", "gospels", "epistles"]
    assert names == [g for g in genres for _ in range(2)]
    assert bible.genre_of(66) is None


def test_each_genre_gives_a_tenth_of_its_chapters_to_each_held_out_fold():
    folds = bible.folds_of(CHAPTERS)
    for book, size in SIZES.items():
        count = Counter(fold for (b, _), fold in folds.items() if b == book)
        assert count["dev"] == count["test"] == round(size / 10)
    assert bible.folds_of(reversed(CHAPTERS)) == folds


def test_clean_removes_what_gives_the_psalms_away():
    assert bible.clean("(3:1) Psaume. (3:2)  God`s l\u2019été\u200e *") == "Psaume. God's l'été"
    assert bible.clean("(12-13) e\u0301t\u00e9") == "été"
    assert bible.clean("[]") == bible.clean("(8:1)") == ""


def test_near_duplicates_of_held_out_verses_are_left_out_whichever_fold_comes_first():
    folds: dict[Chapter, Fold] = {(1, 1): "train", (1, 2): "test", (1, 3): "dev"}
    long = "one two three four five six seven eight nine ten"  # three 8-grams
    text = bible.mlm_text(
        [
            *verses(1, 1, long.upper() + "!", "Selah.", "one two three four five six seven"),
            # one of three 8-grams is held out, then two of four
            *verses(1, 1, "a b " + long[:39], "x " + long, translation="k"),
            *verses(1, 2, long, "a short verse"),
            *verses(1, 3, "selah"),
        ],
        folds,
    )
    assert (
        text.text
        == "one two three four five six seven\n\na b one two three four five six seven eight\n\n"
    )
    assert (text.verses, text.near_duplicates) == (2, 3)


def test_held_out_chapters_are_in_no_text_and_chapters_end_with_an_empty_line():
    folds: dict[Chapter, Fold] = {(1, 1): "train", (1, 2): "dev", (1, 3): "train", (1, 4): "train"}
    given = [
        *verses(1, 1, "alpha beta", "", "gamma"),
        *verses(1, 2, "hidden words"),
        *verses(1, 3, "hidden words"),
        *verses(1, 4, "delta"),
    ]
    assert bible.mlm_text(given, folds).text == "alpha beta\ngamma\n\ndelta\n\n"


def test_passages_are_three_verses_of_a_chapter_and_parallel_across_languages():
    folds: dict[Chapter, Fold] = {(1, 1): "test", (66, 1): "test", (2, 1): "train"}
    given = [
        *verses(1, 1, "a", "", "c", "d", "e", "f", "g", "h"),
        *verses(2, 1, "x", "y", "z"),
        *verses(66, 1, "x", "y", "z"),
    ]
    assert list(bible.passages(given, folds, "test")) == [
        {"text": "a c", "label": "law", "group": "1:1"},
        {"text": "d e f", "label": "law", "group": "1:1"},
    ]


def test_parallel_verses_are_of_the_test_fold_and_never_ambiguous():
    folds: dict[Chapter, Fold] = {(1, 1): "test", (1, 2): "train"}
    source = [*verses(1, 1, "un", "deux", "trois", ""), *verses(1, 2, "non")]
    target = [*verses(1, 1, "one", "Two!", "two", "four"), *verses(1, 2, "no")]
    pairs = bible.parallel(source, target, folds, 9)
    assert {p["source"] for p in pairs} in ({"un", "deux"}, {"un", "trois"})
    assert len(bible.parallel(source, target, folds, 1)) == 1


# A whole run


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a small made-up wheel where the download would be."""
    database = tmp_path / "bible.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE bible (bbName, bNumber, cNumber, vNumber, vText)")
    for code in "k43lo5":
        for book in SIZES:
            for chapter in range(1, 11):
                for n in range(1, 8):
                    row = (code, book, chapter, n, f"word {code} {book} {chapter} {n}")
                    connection.execute("INSERT INTO bible VALUES (?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    wheel = tmp_path / "out" / ".download" / prepare.WHEEL.file
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(database, prepare.DATABASE)
    pinned = replace(prepare.WHEEL, sha256=prepare.sha256_file(wheel))
    monkeypatch.setattr(prepare, "WHEEL", pinned)
    return tmp_path / "out"


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and ".download" not in path.parts
    }


def test_prepare_writes_what_it_promises(out: Path):
    figures = prepare.prepare(out, ["fr"])
    assert set(contents(out)) == {
        ".prepared.json",
        "en.txt",
        "fr.txt",
        "genre/en-train-4th.jsonl",
        "genre/en-train.jsonl",
        "genre/en-dev.jsonl",
        "genre/en-test.jsonl",
        "genre/fr-train.jsonl",
        "genre/fr-test.jsonl",
        "retrieval/en-en.jsonl",
        "retrieval/fr-en.jsonl",
    }
    # 7 strata of 10 chapters of 7 verses: one chapter each to dev and test.
    assert figures["fr"]["verses"] == 7 * 8 * 7 * 3
    rows = [json.loads(line) for line in (out / "genre/fr-test.jsonl").read_text().splitlines()]
    assert len(rows) == 6 * 2
    assert all(row["text"].startswith("word l ") for row in rows)
    held_out = {row["group"].replace(":", " ") for row in rows}
    text = (out / "fr.txt").read_text()
    assert not any(f"word {code} {chapter} " in text for chapter in held_out for code in "lo5")
    pair = json.loads((out / "retrieval/fr-en.jsonl").read_text().splitlines()[0])
    assert pair["source"].replace(" l ", " 4 ") == pair["target"]


def test_prepare_again_changes_nothing_and_reads_no_wheel(out: Path):
    first = prepare.prepare(out, ["fr"])
    before = contents(out)
    (out / ".download" / prepare.WHEEL.file).unlink()
    assert prepare.prepare(out, ["fr"]) == first
    assert contents(out) == before


def test_prepare_repairs_a_file_that_was_changed_or_lost(out: Path):
    prepare.prepare(out, ["fr"])
    before = contents(out)
    (out / "fr.txt").write_text("something else")
    (out / "genre" / "en-dev.jsonl").unlink()
    prepare.prepare(out, ["fr"])
    assert contents(out) == before


def test_prepare_refuses_a_wheel_with_other_bytes(out: Path):
    wheel = out / ".download" / prepare.WHEEL.file
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(SystemExit, match="sha256"):
        prepare.prepare(out, ["fr"])
    assert set(contents(out)) == set()


def test_the_stamp_names_the_outputs_by_sha256(out: Path):
    prepare.prepare(out, [])
    files = json.loads((out / prepare.STAMP).read_text())["languages"]["en"]["files"]
    for path, digest in files.items():
        assert hashlib.sha256((out / path).read_bytes()).hexdigest() == digest
