"""Debian's descriptions as a task: read, matched, masked, dealt by source. Needs no apt."""

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "debian"))

import pytest

import compare
import descriptions
import indexes
import sections
from descriptions import Described
from indexes import Package

INDEX = """\
Package: chess
Source: chess-game (1.2)
Section: games
Description: play chess
Description-md5: d1
Tag: game::board,
 role::program

Package: chess
Section: doc
Description-md5: d0

Package: quiet
Section: net
Description-md5: d2
"""
ENGLISH = """\
Package: chess
Description-md5: d1
Description-en: play chess
 A board and a clock.
 .
 It has:
  * an opening book
 * and a tutor
 .
 Plays well.

Package: quiet
Description-md5: d2
Description-en: says nothing
"""
GERMAN = """\
Package: chess
Description-md5: d1
Description-de: Schach spielen
 Ein Brett und eine Uhr.

Package: quiet
Description-md5: outdated
Description-de: sagt nichts
"""


def test_stanzas_and_their_going_on_lines():
    first, second, _ = indexes.stanzas(INDEX)
    assert first["Tag"] == "game::board,\nrole::program"
    assert second["Section"] == "doc"


def test_descriptions_are_matched_by_md5_and_sources_lose_their_version():
    chess, quiet = indexes.packages(INDEX, {"en": ENGLISH, "de": GERMAN})
    assert (chess.name, chess.source, chess.section) == ("chess", "chess-game", "games")
    assert chess.descriptions["de"] == "Schach spielen\nEin Brett und eine Uhr."
    assert quiet.source == "quiet"
    assert quiet.descriptions == {"en": "says nothing"}, "an outdated translation is none"


def test_only_running_text_is_read():
    chess, _ = indexes.packages(INDEX, {"en": ENGLISH})
    assert descriptions.paragraphs(chess.descriptions["en"]) == [
        "play chess.",
        "A board and a clock.",
        "It has:",
        "Plays well.",
    ]


def test_what_the_english_original_has_is_masked():
    original = "A GTK+ server for MP3 streams; it's the image of Foo"
    text = "Ein GTK-Programm und Server (mp3) für foo, l'image s'affiche"
    assert descriptions.masked(text, original) == "Ein Programm und für l' s'affiche"


WORDS = [f"word{i}" for i in range(400)]


def prose(seed: str, count: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def package(name: str, *, source: str = "", section: str = "games", **more: str) -> Package:
    texts = {"en": prose(name)} | more
    described = {language: f"{name}\n{text}" for language, text in texts.items()}
    return Package(name, source or name, section, described)


def test_one_package_a_source_and_no_paragraph_of_several():
    boilerplate = "This package is part of a large project that has many packages."
    packages = [
        package("foo-gtk", source="foo", en=prose("f", 30)),
        package("foo-qt", source="foo", en=prose("f", 50)),
        package("bar", en=f"{prose('bar')}\n.\n{boilerplate}", de="Ein Satz"),
        package("baz", en=f"{prose('baz')}\n.\n{boilerplate}"),
        package("libfoo", section="games"),
        package("foo-doc", section="games"),
        package("perl-thing", section="perl"),
        package("nothing", en="This is a transitional package, dummy"),
    ]
    found = {one.source: one for one in descriptions.described(packages)}
    assert set(found) == {"foo", "bar", "baz"}
    assert found["foo"].prose["en"] == f"foo-qt. {prose('f', 50)}"
    assert found["bar"].prose == {"en": f"bar. {prose('bar')}", "de": "bar. Ein Satz"}


def test_folds_are_sources_and_the_scarce_language_is_all_tested():
    names = [f"source{i}" for i in range(1000)]
    found = [Described(name, "games", {"en": "", "ru": ""}) for name in names[:100]]
    found += [Described(name, "games", {"en": ""}) for name in names[100:]]
    folds = sections.folds_of(found)
    assert all(folds[name] == "test" for name in names[:100])
    count = Counter(folds[name] for name in names[100:])
    assert 150 < count["test"] < 300 and 50 < count["dev"] < 140
    assert sections.folds_of(reversed(found)) == folds


def test_a_successor_is_dropped_from_training_and_not_from_the_test():
    found = [Described(name, "games", {"en": prose("same")}) for name in ("foo", "foo2")]
    found.append(Described("other", "games", {"en": prose("other")}))
    kept = sections.distinct(found, {"foo": "train", "foo2": "test", "other": "train"})
    assert [one.source for one in kept] == ["foo2", "other"]


@pytest.fixture(scope="module")
def many() -> list[Package]:
    """Three hundred packages, two a source, some translated."""
    names = [f"package{i}" for i in range(300)]
    translated = [
        {xx: prose(name + xx) for i, xx in enumerate(("fr", "de", "ru")) if n % 3 >= i}
        for n, name in enumerate(names)
    ]
    kinds = ["games", "net", "sound", "utils"]
    return [
        package(name, source=f"s{n // 2}", section=kinds[n % 4], **texts)
        for n, (name, texts) in enumerate(zip(names, translated, strict=True))
    ]


def test_no_source_is_in_two_folds_and_none_held_out_in_the_text(many: list[Package]):
    found = descriptions.described(many)
    folds = sections.folds_of(found)
    made = sections.task(found, folds)
    groups = {name: {row["group"] for row in rows} for name, rows in made.items()}
    assert all(groups[f"{xx}-test"] for xx in ("en", "fr", "de", "ru"))
    trained = groups["en-train"] | groups["fr-train"] | groups["de-train"]
    tested = set().union(*(g for name, g in groups.items() if not name.endswith("train")))
    assert trained and not trained & tested
    for language in ("en", "fr", "de"):
        text = sections.corpus(many, language, folds)
        for one in many:
            if language in one.descriptions:
                held_out = folds.get(one.source, "train") != "train"
                told = one.descriptions[language].split("\n")[1]
                alone = len(one.descriptions) == 1
                assert (told in text) == (not held_out and not alone)


def test_a_free_package_that_repeats_a_held_out_one_is_not_in_the_text():
    text = prose("same")
    packages = [
        package("tested", en=text, de="Ein Satz"),
        package("free", en=f"{text} more", de="Noch ein Satz"),
        package("other", en=prose("other"), de="Und einer"),
    ]
    assert sections.corpus(packages, "en", {"tested": "test"}) == (
        f"free.\n\nother.\n{prose('other')}\n"
    )


def test_the_order_of_the_packages_changes_nothing(many: list[Package]):
    def made(packages: list[Package]) -> dict[str, list[dict[str, str]]]:
        found = descriptions.described(packages)
        return sections.task(found, sections.folds_of(found))

    assert made(many[::-1]) == made(many)


def test_at_most_so_many_of_a_class():
    rows = [{"text": str(i), "label": "ab"[i % 3 == 0], "group": ""} for i in range(9)]
    assert [row["text"] for row in sections.balanced(rows, 2)] == ["0", "1", "2", "3"]


def test_apt_is_asked_in_a_directory_of_its_own_and_a_missing_index_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fetched = {"Packages": INDEX, "en": ENGLISH, "de": GERMAN}
    commands: list[tuple[str, ...]] = []

    def run(*command: str) -> str:
        commands.append(command)
        if command[0] == indexes.APT_HELPER:
            return fetched[Path(command[2]).name]
        if "indextargets" not in command:
            return ""
        for name in fetched:
            (tmp_path / name).touch()
        kinds = [("Packages" if n == "Packages" else "Translations", n) for n in fetched]
        return "".join(f"{kind}\t{n}\tstable 1\t{tmp_path / n}\n" for kind, n in kinds)

    monkeypatch.setattr(indexes, "_run", run)
    found, release = indexes.fetch(["de"], tmp_path / "one")
    assert release == "stable 1"
    assert [package.name for package in found] == ["chess", "quiet"]
    configuration = tmp_path / "one" / "apt.conf"
    assert all(f"-c={configuration}" in c for c in commands if c[0] == "apt-get")
    assert f'Dir::State "{tmp_path / "one"}";' in configuration.read_text()
    with pytest.raises(SystemExit, match="no Debian index of: ru"):
        indexes.fetch(["de", "ru"], tmp_path / "two")


def test_words_spelled_by_letters_are_counted():
    class Tokenizer:
        def encode(self, words: list[str], out_type: type) -> list[list[str]]:
            return [{"king": ["▁king"], "gtkx": ["▁", "g", "t", "k", "x"]}[w] for w in words]

    each, letters = compare.spelling(Tokenizer(), ["king, gtkx of"])  # type: ignore[arg-type]
    assert (each, letters) == (2.5, 0.5)
