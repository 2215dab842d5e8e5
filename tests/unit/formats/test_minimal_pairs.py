"""Minimal pairs as their publishers write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import MinimalPair, read_examples

DATA = Path(__file__).parents[2] / "data" / "tasks" / "multiblimp"


def test_multiblimp_is_read_of_the_language_and_unquoted() -> None:
    rows = read_examples(DATA, "multiblimp", "fr", "test").rows
    assert rows == [
        MinimalPair("Les chats de la voisine dorment.", "Les chats de la voisine dort."),
        MinimalPair('Elle dit "non", puis elle part.', 'Elle dit "non", puis elle partent.'),
    ]


def test_a_folder_of_several_languages_is_read_by_the_language(tmp_path: Path) -> None:
    for code in ("fra", "swh"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "data.tsv").write_text(f"sen\twrong_sen\n{code} a\t{code} b\n")
    rows = read_examples(tmp_path, "multiblimp", "sw", "sourceTest").rows
    assert rows == [MinimalPair("swh a", "swh b")]


def test_blimps_names_are_those_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    row = {"sentence_good": "She sleeps.", "sentence_bad": "She sleep.", "field": "morphology"}
    path.write_text(json.dumps(row) + "\n")
    assert read_examples(path, "multiblimp", "en", "test").rows == [
        MinimalPair("She sleeps.", "She sleep.")
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sen": "a"}, "wrong_sen"),
        ({"sentence_good": "a", "sentence_bad": " "}, "sentence_bad"),
        ({"sen": "a", "wrong_sen": "a"}, "the same sentence"),
        ({"text": "a"}, "sentence_good"),
    ],
)
def test_what_is_no_pair_is_refused(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError, match=message):
        read_examples(path, "multiblimp", "en", "test")
