"""SIB-200 and MASSIVE as they are unpacked."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Example, labels_of, read_examples

TOPICS = ("science/technology", "travel", "politics")
LOCALES = ("en-US", "sw-KE", "zh-CN", "zh-TW")


def sib(folder: Path) -> Path:
    for code in ("eng_Latn", "swh_Latn", "arb_Arab", "nqo_Nkoo"):
        home = folder / "data/annotated" / code
        home.mkdir(parents=True)
        (home / "labels.txt").write_text("\n".join(TOPICS))
        for split in ("train", "dev", "test"):
            with (home / f"{split}.tsv").open("w", newline="") as file:  # as pandas writes it
                writer = csv.writer(file, delimiter="\t", lineterminator="\n")
                writer.writerow(["index_id", "category", "text"])
                for i, topic in enumerate(TOPICS):
                    writer.writerow([i, topic, f'{code} {split} "{i}"'])
    (folder / "data/annotated/nqo_Nkoo.zip").write_bytes(b"PK")  # its repository has it too
    return folder / "data/annotated"


def test_sib_200(tmp_path: Path) -> None:
    """Its texts are quoted where they hold a quote, all of them in some languages."""
    folder = sib(tmp_path)
    assert read_examples(folder, "sib-200", "sw", "test").rows == [
        Example(f'swh_Latn test "{i}"', None, topic) for i, topic in enumerate(TOPICS)
    ]
    train = read_examples(folder, "sib-200", "en", "train")
    assert list(train.files) == ["eng_Latn/train.tsv"]
    assert labels_of(train.rows) == ("politics", "science/technology", "travel")
    assert list(read_examples(folder / "arb_Arab", "sib-200", "ar", "dev").files) == ["dev.tsv"]
    with pytest.raises(
        UserError, match="no test data in 'fr' here: it has arb_Arab, eng_Latn, nqo_Nkoo, swh_Latn;"
    ):
        read_examples(folder, "sib-200", "fr", "test")
    (tmp_path / "e.jsonl").write_text('{"index_id": 1, "category": "travel", "text": "a"}\n')
    assert read_examples(tmp_path / "e.jsonl", "sib-200", "fr", "test").rows == [
        Example("a", None, "travel")
    ]
    (folder / "x.tsv").write_text("index_id\ttext\n1\ta\n")
    with pytest.raises(UserError, match="the column 'category' is missing"):
        read_examples(folder / "x.tsv", "sib-200", "fr", "test")


def massive(folder: Path) -> Path:
    home = folder / "1.1/data"
    home.mkdir(parents=True)
    (folder / "1.1/LICENSE").write_text("CC BY 4.0")
    for locale in LOCALES:
        rows: list[dict[str, Any]] = [
            {"id": str(i), "locale": locale, "partition": ("train", "dev", "test")[i % 3]}
            | {"scenario": "alarm", "intent": f"alarm_{i % 2}", "utt": f"{locale} {i}"}
            | {"annot_utt": f"{locale} [time : {i}]", "worker_id": "1"}
            for i in range(9)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (home / f"{locale}.jsonl").write_text(text)
    return folder / "1.1"


@pytest.mark.parametrize(
    ("language", "purpose", "locale", "first"),
    [
        ("sw", "test", "sw-KE", 2),
        ("en", "train", "en-US", 0),
        ("en", "dev", "en-US", 1),
        ("en", "sourceTest", "en-US", 2),
        ("zh-Hant", "test", "zh-TW", 2),
    ],
)
def test_massive_gives_the_rows_of_a_purpose(
    tmp_path: Path, language: str, purpose: Any, locale: str, first: int
) -> None:
    rows = read_examples(massive(tmp_path), "massive", language, purpose).rows
    assert rows == [Example(f"{locale} {i}", None, f"alarm_{i % 2}") for i in range(first, 9, 3)]


def test_massive_of_another_language_is_refused(tmp_path: Path) -> None:
    folder = massive(tmp_path)
    with pytest.raises(UserError, match=r"no row in the language 'fr' \(it has sw-KE\)"):
        read_examples(folder / "data/sw-KE.jsonl", "massive", "fr", "train")
    with pytest.raises(UserError, match=r"says that it is in 'sw-KE'"):
        read_examples(folder / "data/sw-KE.jsonl", "massive", "fr", "test")
    with pytest.raises(UserError, match=r"zh-CN\.jsonl, data/zh-TW\.jsonl may all be meant"):
        read_examples(folder, "massive", "zh", "test")
    unlabelled = tmp_path / "heldout.jsonl"
    unlabelled.write_text('{"id": "1", "locale": "sw-KE", "utt": "a"}\n')
    with pytest.raises(UserError, match="the field 'intent' is missing"):
        read_examples(unlabelled, "massive", "sw", "test")
