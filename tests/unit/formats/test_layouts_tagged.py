"""Folders of tagged words as published: one file for each purpose, or a sentence."""

from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import read_examples
from lingraft.formats.folders import files_to_read
from lingraft.formats.layouts_tagged import TAGGED_WORDS
from lingraft.formats.wanted import Wanted
from tests.unit.formats.test_tagged import RAIN, lines, written


def test_the_manual_names_every_data_set() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    assert all(f"| {layout.name}" in manual for layout in TAGGED_WORDS)


CODES = ("en", "sw", "zh-classical", "ace")
SPLITS = ("train", "dev", "test")
WIKIANN = [f"{code}/{split}" for code in CODES for split in (*SPLITS, "extra")]
XTREME = [f"panx/{split}-{code}.tsv" for code in ("en", "sw") for split in SPLITS]
MASAKHA = ["README.md", *(f"data/{code}/{s}.txt" for code in ("swa", "luo") for s in SPLITS)]
CONLL = [f"{code}.{split}" for code in ("eng", "ned") for split in ("train", "testa", "testb")]
UD = [
    "README.md", "LICENSE.txt", "stats.xml",
    *(f"sw_x-ud-{split}.{suffix}" for split in SPLITS for suffix in ("conllu", "txt")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "format", "purpose", "language", "expected"),
    [
        (WIKIANN, "ner", "test", "sw", "sw/test"),
        (WIKIANN, "ner", "train", "en", "en/train"),
        (WIKIANN, "ner", "dev", "ace", "ace/dev"),
        ([f"{key}.gz" for key in WIKIANN], "ner", "test", "sw", "sw/test.gz"),
        (["train", "dev", "test", "extra"], "ner", "dev", "en", "dev"),
        (XTREME, "ner", "test", "sw", "panx/test-sw.tsv"),
        (XTREME, "pos", "train", "en", "panx/train-en.tsv"),
        (MASAKHA, "ner", "test", "sw", "data/swa/test.txt"),
        (MASAKHA, "pos", "test", "luo", "data/luo/test.txt"),
        (["train.txt", "valid.txt", "test.txt"], "ner", "dev", "en", "valid.txt"),
        (CONLL, "ner", "train", "en", "eng.train"),
        (CONLL, "ner", "dev", "en", "eng.testa"),
        (CONLL, "ner", "test", "nl", "ned.testb"),
        (UD, "pos", "test", "sw", "sw_x-ud-test.conllu"),
        ([f"UD_Swahili-X/{key}" for key in UD], "pos", "dev", "sw",
         "UD_Swahili-X/sw_x-ud-dev.conllu"),
        (["en_x-ud-dev.iob2", "en_x-ud-train.iob2"], "ner", "dev", "en", "en_x-ud-dev.iob2"),
    ],
)  # fmt: skip
def test_one_file_of_a_folder_is_read(
    keys: list[str], format: str, purpose: Any, language: str, expected: str, tmp_path: Path
) -> None:
    text = lines("\t", RAIN) if format == "ner" else "Rain\tNOUN\n"
    for key in keys:
        written(tmp_path / key, f"{text}\n{key}\t{'O' if format == 'ner' else 'X'}\n")
    wanted = Wanted(format, language, purpose)
    assert files_to_read(keys, wanted, "here") == [expected]
    if not expected.endswith(".gz"):
        found = read_examples(tmp_path, format, language, purpose)
        assert list(found.files) == [expected]


def test_a_language_that_is_not_there_is_said(tmp_path: Path) -> None:
    for key in WIKIANN:
        written(tmp_path / key, lines("\t", RAIN))
    with pytest.raises(UserError, match=r"WikiANN.* has no test data in 'fr' here: it has ace, en"):
        read_examples(tmp_path, "ner", "fr", "test")
    with pytest.raises(UserError, match="says that it is in 'en'"):
        read_examples(written(tmp_path / "test-en.tsv", "a\tO\n"), "ner", "sw", "test")
