"""What is read of a source counts, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.selection import selected

PUBLISHED = [
    ".gitattributes",
    "README.md",
    "config.json",
    "flax_model.msgpack",
    "merges.txt",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/config.json",
    "onnx/tokenizer.json",
    "pytorch_model.bin",
    "sentencepiece.bpe.model",
    "tf_model.h5",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
]
TOKENIZER = [
    "config.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
]
NAME = "corpus.txt"
TASK = "task:classification:test:fr"
SHARDS = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
INDEX = "model.safetensors.index.json"


def test_a_checkpoint_as_it_is_published():
    assert selected(PUBLISHED, "checkpoint", NAME) == sorted([*TOKENIZER, "model.safetensors"])
    assert selected(PUBLISHED, "tokenizer", NAME) == TOKENIZER


def test_what_a_causal_checkpoint_says_of_its_tokens_is_read():
    said = ["additional_chat_templates/tool_use.jinja", "chat_template.jinja"]
    keys = [*said, "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"]
    assert selected([*keys, "templates/other.jinja"], "checkpoint", NAME) == keys
    assert selected(keys, "tokenizer", NAME) == [key for key in keys if key != "model.safetensors"]
    with pytest.raises(UserError, match="there is no tokenizer in it"):
        selected(["chat_template.jinja", "config.json", "generation_config.json"], "tokenizer", "")


def test_shards_count_where_there_is_no_whole_file():
    sharded = ["config.json", INDEX, *SHARDS, "model-optim.safetensors"]
    assert set(selected(sharded, "checkpoint", NAME)) == {"config.json", INDEX, *SHARDS}
    both = [*sharded, "model.safetensors", "middle_head.safetensors"]
    assert set(selected(both, "checkpoint", NAME)) == {
        "config.json",
        "model.safetensors",
        "middle_head.safetensors",
    }


@pytest.mark.parametrize(
    ("keys", "reads", "sentence"),
    [
        (["model.safetensors"], "checkpoint", "no config.json there"),
        (
            ["config.json", "pytorch_model.bin"],
            "checkpoint",
            r"\(pytorch_model.bin is never read\)",
        ),
        (["config.json", "adapter_config.json", "adapter_model.safetensors"], "checkpoint", "LoRA"),
        (["config.json", "0_Transformer/model.safetensors"], "checkpoint", "no model.safetensors"),
        (["config.json", "model.safetensors"], "tokenizer", "no tokenizer in it"),
        (["README.md", "a.csv"], "text", "it needs .txt, .jsonl, .parquet or .arrow"),
        (["README.txt", "LICENSE.TXT"], "text", "but README.txt, which is about others"),
        (["train.txt", "README.txt", "test.txt"], "text", "holds train.txt and test.txt"),
        (["sw-train.jsonl", "sw-dev.jsonl"], "text", "two splits of one data set"),
        (["train.txt", "val.txt"], "text", "two splits of one data set"),
        (["dev.txt", "test.txt"], "text", "two splits of one data set"),
        (["test/0.parquet", "train-00-of-02.parquet"], "text", "two splits"),
        (["README.md", "LICENSE", "paper.pdf"], TASK, "holds no task file"),
        (["a.train.jsonl", "a.test.jsonl"], TASK, "mixes splits"),
    ],
)
def test_what_cannot_be_read_is_said_by_its_names(keys: list[str], reads: str, sentence: str):
    with pytest.raises(UserError, match=sentence):
        selected(keys, reads, NAME)


def test_text_by_its_suffix_whatever_its_case():
    keys = ["a.TXT", "b.txt.GZ", "c.jsonl.zst", "d.parquet", "e.md", "f.gz", "g/h.txt", "i"]
    more = ["c4-sw.tfrecord-00000-of-00002.json.gz", "sw.txt.xz", "sw.txt.bz2", "data-0.arrow"]
    about = ["dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"]
    assert selected([*more, *about], "text", NAME) == more
    assert selected(keys, "text", NAME) == [
        "a.TXT",
        "b.txt.GZ",
        "c.jsonl.zst",
        "d.parquet",
        "g/h.txt",
    ]


def test_text_that_is_no_split_of_its_neighbour():
    keys = [
        "latest.txt",
        "newstest2014.txt",
        "notice-board.txt",
        "state.txt",
        "train/a.txt",
        "training-notes.txt",
    ]
    assert (
        selected(
            [*keys, "LICENSE.txt", "x/readme.txt", "README_sw.txt", "NOTICE.txt"], "text", NAME
        )
        == keys
    )


@pytest.mark.parametrize("name", ["sw", "sw.csv", "sw.txt.7z", "sw.gz", ""])
def test_a_single_file_that_is_no_text_by_its_name(name: str):
    with pytest.raises(UserError, match="is no text by its name"):
        selected([""], "text", name)


def test_what_is_about_task_data_is_no_task_data():
    keys = ["LICENSE", "README.txt", "a.jsonl", "b.jsonl", "paper.pdf", "x/README"]
    assert selected(keys, TASK, NAME) == ["a.jsonl", "b.jsonl"]


def test_of_a_published_folder_only_what_is_meant_counts():
    keys = [f"fr/{name}.tsv" for name in ("dev_2k", "test_2k", "translated_train")]
    for purpose, name in (("test", "test_2k"), ("dev", "dev_2k")):
        assert selected(keys, f"task:paws-x:{purpose}:fr", NAME) == [f"fr/{name}.tsv"]


@given(st.sampled_from(["checkpoint", "tokenizer", "text", TASK, None]))
def test_a_single_file_and_nothing_are_taken_as_they_are(reads: str | None):
    assert selected([""], reads, NAME) == [""]
    assert selected([], reads, NAME) == []


def test_a_plan_of_contract_1_counts_every_file():
    assert selected(PUBLISHED, None, NAME) == PUBLISHED
