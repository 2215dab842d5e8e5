"""Folders of one's own: all shards, or a sentence that names the files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.formats.folders import files_to_read
from lingraft.formats.wanted import Wanted


def chosen(
    keys: list[str],
    format: str = "classification",
    purpose: Any = "train",
    language: str = "sw",
) -> list[str]:
    return files_to_read(keys, Wanted(format, language, purpose), "here")


WHOLE: list[tuple[str, list[str]]] = [
    ("classification", ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]),
    ("classification", ["a.jsonl", "b.jsonl.gz", "deep/er/c.JSONL.GZ", "d.json", "e.ndjson"]),
    ("classification", ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"]),
    ("classification", ["train/a.jsonl", "train/b.jsonl"]),
    ("pairs", ["shard.aa.jsonl", "shard.ab.jsonl", "shard.ac.jsonl"]),
    ("retrieval", ["news.fr-en.jsonl", "talks.fr-en.jsonl"]),
    ("squad", ["tydiqa-goldp-dev-arabic.json", "tydiqa-goldp-dev-bengali.json"]),
    ("squad", ["squad-part1.json", "squad-part2.json"]),
    ("xnli", ["one.tsv", "two.txt", "three.jsonl"]),
    ("qa", ["contests.jsonl", "latest.jsonl", "devices.jsonl"]),
]


@pytest.mark.parametrize(("format", "keys"), WHOLE)
def test_shards_are_read_together_in_the_order_of_their_names(format: str, keys: list[str]):
    assert chosen(keys, format) == sorted(keys, key=lambda key: key.split("/"))


@pytest.mark.parametrize(
    "junk",
    [
        "README.md", "README", "readme.txt", "README_en.txt", "LICENSE", "LICENCE.txt", "NOTICE",
        "paper.pdf", ".DS_Store", "__MACOSX/._a.jsonl", ".git/config", "_SUCCESS", "Thumbs.db",
        "_committed_123", "dataset_info.json", "dataset_infos.json", "script.py", "SHA.sha256",
        "config.yaml", "CITATION.cff", "Icon\r", ".a.jsonl.swp",
    ],
)  # fmt: skip
def test_what_is_about_the_data_is_no_data(junk: str):
    assert chosen(["a.jsonl", junk, "b.jsonl"]) == ["a.jsonl", "b.jsonl"]
    with pytest.raises(UserError, match="holds no task file"):
        chosen([junk])


@pytest.mark.parametrize("name", ["notice.jsonl", "licenses.jsonl", "changes.json", "_x.jsonl"])
def test_data_may_be_called_anything(name: str):
    assert chosen([name, "z.jsonl"]) == [name, "z.jsonl"]


MIXED: list[tuple[str, list[str], tuple[str, ...]]] = [
    ("classification", ["train.jsonl", "test.jsonl"], ("mixes splits", "test.jsonl, train.jsonl")),
    ("classification", ["train/a.jsonl", "dev/a.jsonl"], ("mixes splits", "dev/a.jsonl")),
    ("pairs", ["my_valid.jsonl", "my_train.jsonl"], ("mixes splits",)),
    ("pairs", ["validation-0.jsonl", "evalSet.jsonl"], ("mixes splits",)),
    ("qa", ["TRAIN.jsonl", "DEV.jsonl"], ("mixes splits",)),
    ("qa", ["trainQuestions1.jsonl", "testQuestions1.jsonl"], ("mixes splits",)),
    ("classification", ["test.jsonl", "data.jsonl"], ("mixes splits or data sets",)),
    (
        "xnli",
        ["snli_1.0_train.jsonl", "snli_1.0_dev.jsonl", "snli_1.0_test.txt"],
        ("snli_1.0_dev",),
    ),
    ("xnli", ["train.tsv", "dev_matched.tsv", "test_matched.tsv"], ("train.tsv",)),
    ("xnli", ["a.tsv", "a.jsonl"], ("a.jsonl, a.tsv seem to hold the same",)),
    ("classification", ["a.json", "a.jsonl"], ("keep one",)),
    ("classification", ["a.jsonl", "a.jsonl.gz"], ("a.jsonl and a.jsonl.gz",)),
    ("classification", ["a.jsonl", "a.csv"], ("seem to hold the same",)),
    ("classification", ["a.jsonl", "b.txt"], ("b.txt cannot be read as classification data",)),
    ("classification", ["a.jsonl", "b.xlsx"], ("b.xlsx", "take them out")),
    ("squad", ["a.json", "b.txt"], ("b.txt cannot be read as squad data (.json",)),
    ("mlqa", [f"mlqa.{tag}.{tag}/test.parquet" for tag in ("ar", "de")], ("mixes languages",)),
    ("mlqa", ["de/x.json", "fr/x.json"], ("mixes languages", "de/x.json, fr/x.json")),
    ("retrieval", ["fr-en.jsonl", "de-en.jsonl"], ("mixes languages", "de-en.jsonl")),
    ("classification", ["en-US.jsonl", "sw-KE.jsonl", "pt_BR.jsonl"], ("mixes languages",)),
    ("classification", ["eng_Latn.jsonl", "swh_Latn.jsonl"], ("mixes languages",)),
    ("qa", [f"part{i}.{code}.jsonl" for i in "12" for code in ("sw", "yo")], ("mixes languages",)),
]


@pytest.mark.parametrize(("format", "keys", "said"), MIXED)
def test_a_folder_that_mixes_is_refused_by_its_files(
    format: str, keys: list[str], said: tuple[str, ...]
):
    for purpose in ("train", "dev", "test", "sourceTest"):
        with pytest.raises(UserError) as caught:
            chosen(keys, format, purpose)
        assert all(part in caught.value.message for part in said), caught.value.message
        assert caught.value.where == "here"


def test_one_file_is_read_whatever_it_is_called():
    assert chosen(["data.txt"]) == ["data.txt"]
    assert chosen(["test.jsonl", "README.md"], purpose="train") == ["test.jsonl"]


KEYS = st.lists(
    st.text(st.sampled_from("aZ01_-./\u00e9 "), min_size=1, max_size=9).map(lambda k: f"{k}.jsonl"),
    min_size=1,
    unique=True,
)


@given(keys=KEYS, format=st.sampled_from(["classification", "xnli", "squad"]))
def test_no_name_ends_in_a_traceback_and_nothing_is_read_twice(keys: list[str], format: str):
    try:
        found = chosen(keys, format)
    except UserError as error:
        assert error.message and error.where == "here"
        return
    assert found and set(found) <= set(keys) and len(set(found)) == len(found)
