"""Folders as `datasets` leaves them: one split is read, and never another's rows."""

from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats.folders import files_to_read
from lingraft.formats.wanted import Wanted

HUB = [
    "README.md",
    "data/train-00000-of-00002.parquet",
    "data/train-00001-of-00002.parquet",
    "data/validation-00000-of-00001.parquet",
    "data/test-00000-of-00001.parquet",
]
HASHED = [f"{key[:-8]}-0123456789abcdef.parquet" for key in HUB[1:]]
SAVED = [
    "dataset_dict.json",
    "train/data-00000-of-00002.arrow",
    "train/data-00001-of-00002.arrow",
    "train/state.json",
    "train/dataset_info.json",
    "validation/data-00000-of-00001.arrow",
    "validation/state.json",
    "test/data-00000-of-00001.arrow",
]


def chosen(keys: list[str], purpose: Any, format: str = "classification") -> list[str]:
    return files_to_read(keys, Wanted(format, "sw", purpose), "here")


@pytest.mark.parametrize("keys", [HUB, HASHED, SAVED])
@pytest.mark.parametrize("format", ["classification", "xnli", "squad", "paws-x"])
def test_the_split_for_the_purpose(keys: list[str], format: str) -> None:
    for purpose, split, shards in (
        ("train", "train", 2),
        ("dev", "validation", 1),
        ("test", "test", 1),
        ("sourceTest", "test", 1),
    ):
        found = chosen(keys, purpose, format)
        assert len(found) == shards and all(split in key for key in found)


def test_one_split_is_read_for_any_purpose() -> None:
    assert chosen(HUB[1:3], "test") == HUB[1:3]
    plain = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "state.json"]
    assert chosen(plain, "test") == plain[:2]


def test_a_split_that_is_not_there_is_never_another() -> None:
    with pytest.raises(UserError, match="no test data here: it has train, validation"):
        chosen([key for key in HUB if "test" not in key], "test")


@pytest.mark.parametrize("number", [1, 4])
def test_several_data_sets_are_refused(number: int) -> None:
    keys = [f"{language}/{key}" for language in ("sw", "fr") for key in HUB[-number:]]
    with pytest.raises(UserError, match="several data sets; name one folder"):
        chosen(keys, "test")


@pytest.mark.parametrize("folder", ["data/{}-{}.parquet", "{}/data-{}.arrow"])
@pytest.mark.parametrize("other", [True, False])
def test_parts_that_are_missing_are_told(folder: str, other: bool) -> None:
    keys = [folder.format("train", f"0000{i}-of-00003") for i in (0, 2)]
    keys += [folder.format("test", "00000-of-00001")] * other
    with pytest.raises(UserError, match="2 of 3 parts are here"):
        chosen(keys, "train")


@pytest.mark.parametrize(
    "twice",
    [
        ["train-00000-of-00001.parquet", "train-00000-of-00001.jsonl"],
        ["train-00000-of-00001.parquet", "train-00000-of-00002.parquet"],
        ["train-00000-of-00001.parquet", "train-00000-of-00001-0123456789abcdef.parquet"],
        ["train-00000-of-00001.parquet", "train/data-00000-of-00001.arrow"],
    ],
)
def test_two_writings_of_a_split_are_refused(twice: list[str]) -> None:
    with pytest.raises(UserError, match="seem to hold the same"):
        chosen([*twice, "test-00000-of-00001.parquet"], "train")


def test_what_map_and_filter_leave_is_no_data() -> None:
    left = [
        "train/cache-1c80317fa3b1799d.arrow",
        "train/cache-1c80317fa3b1799d_00000_of_00002.arrow",
    ]
    assert chosen([*SAVED, *left], "train") == SAVED[1:3]
