"""Sentence encoders are read as they are published, or refused in one sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.encoder_names import files_of_encoder, refuse_former_layout
from lingraft.encoders import Encoder, read_encoder
from lingraft.errors import UserError
from lingraft.selection import selected
from tests.support.encoder_files import files

BODY, POOLING, DENSE = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense")
MEAN = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
PUBLISHED = [
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "2_Dense/pytorch_model.bin",
    "README.md",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "onnx/config.json",
    "openvino/openvino_model.bin",
    "sentence_bert_config.json",
    "tokenizer.json",
    "train_script.py",
]


def read(found: dict[str, bytes]) -> Encoder | None:
    return read_encoder(found.get)


def test_an_ordinary_checkpoint_is_none() -> None:
    assert read({"config.json": b"{}", "1_Pooling/config.json": b"{}"}) is None


def test_what_counts_of_a_published_encoder() -> None:
    found = selected(PUBLISHED, "checkpoint", "")
    left = ["2_Dense/pytorch_model.bin", "README.md", "onnx/config.json", "train_script.py"]
    assert found == sorted(set(PUBLISHED) - {*left, "openvino/openvino_model.bin"})


def test_without_its_list_of_modules_it_is_an_ordinary_checkpoint() -> None:
    keys = [key for key in PUBLISHED if key != "modules.json"]
    assert selected(keys, "checkpoint", "") == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_names_of_old_and_of_today_say_the_same() -> None:
    old = files(BODY, POOLING, **{"1_Pooling__config": MEAN})
    new = files(BODY, POOLING, **{"1_Pooling__config": {"pooling_mode": ["mean", "cls"]}})
    for found, ways in ((old, ("mean",)), (new, ("mean", "cls"))):
        encoder = read(found)
        assert encoder is not None and encoder.modules[0].poolings == ways
    both = MEAN | {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": False}
    encoder = read(files(BODY, POOLING, **{"1_Pooling__config": both}))
    assert encoder is not None and encoder.modules[0].poolings == ("cls", "mean")


def test_the_length_the_prompt_and_the_case_that_it_reads_with() -> None:
    settings = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    of_roberta = {"max_seq_length": 128, "do_lower_case": True}
    encoder = read(
        files(BODY, POOLING, config_sentence_transformers=settings)
        | {"sentence_roberta_config.json": files(sentence_roberta_config=of_roberta).popitem()[1]}
    )
    assert encoder is not None
    assert (encoder.max_length, encoder.prompt, encoder.lower_case) == (128, "query: ", True)
    plain = read(files(BODY, POOLING, config_sentence_transformers={"prompts": None}))
    assert plain is not None
    assert (plain.max_length, plain.prompt, plain.lower_case) == (None, "", False)
    own = {"max_seq_length": None, "tokenizer_args": {"model_max_length": 77}}
    said = read(files(BODY, POOLING, sentence_bert_config=own))
    assert said is not None and said.max_length == 77


@pytest.mark.parametrize("path", ["1_Pooling", "2_Dense"])
def test_a_module_that_was_not_downloaded_is_no_default_one(path: str) -> None:
    found = files(BODY, POOLING, DENSE)
    del found[f"{path}/config.json"]
    with pytest.raises(UserError, match=rf"{path}/config\.json is not there"):
        read(found)
    assert read(files(BODY, POOLING, ("Normalize", "2_Normalize"))) is not None


def test_a_file_that_is_broken_is_named() -> None:
    found = files(BODY, POOLING)
    for name, content in (
        ("modules.json", b"{"),
        ("modules.json", b"[" * 10**5),
        ("1_Pooling/config.json", b"[1]"),
    ):
        with pytest.raises(UserError, match=name):
            read(found | {name: content})


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"modules.json": b"[]"}, "lists no modules"),
        ({"modules.json": b'["a"]'}, "lists no modules"),
        (files(("Transformer", "0_Transformer"), POOLING), "Transformer in 0_Transformer"),
        (files(("CLIPModel", ""), POOLING), "begins with CLIPModel"),
        (files(("StaticEmbedding", "")), "begins with StaticEmbedding"),
        (files(("Router", ""), POOLING), "begins with Router"),
        (files(BODY, ("WordWeights", "1_WordWeights"), POOLING), "has a WordWeights, which may"),
        (files(BODY, ("SpladePooling", "1_SpladePooling")), "has a SpladePooling"),
        (files(BODY), "has no Pooling"),
        (
            {"modules.json": b'[{"type": "custom_st.Transformer", "path": ""}]'},
            "custom_st.Transformer, which is code of its own",
        ),
        (
            files(BODY, POOLING, **{"1_Pooling__config": {"pooling_mode": "attention"}}),
            "pools by attention",
        ),
        (
            files(
                BODY, POOLING, DENSE, **{"2_Dense__config": {"activation_function": "os.system"}}
            ),
            "has the activation system",
        ),
        (
            files(BODY, POOLING, sentence_bert_config={"transformer_task": "fill-mask"}),
            "something else than the last layer's states",
        ),
        (
            files(BODY, POOLING, DENSE, **{"2_Dense__config": {"module_input_name": "scores"}}),
            "module_input_name 'scores'",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(found: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        read(found)
    assert error.value.where == "spec.base.uri" and "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["../1_Pooling", "/etc", "1_Pooling/..", "..", "", "a\\b", "1_"])
def test_no_module_lies_outside_its_checkpoint(path: str) -> None:
    asked: list[str] = []
    found = files(BODY, ("Pooling", path))

    def look(key: str) -> bytes | None:
        asked.append(key)
        return found.get(key)

    with pytest.raises(UserError, match="no folder as 1_Pooling is"):
        read_encoder(look)
    assert asked == ["modules.json"]


PLAIN = st.none() | st.booleans() | st.integers() | st.text()
NAMES = st.sampled_from(
    ["type", "path", "pooling_mode", "prompts", "default_prompt_name", "max_seq_length"]
)


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_any_json_at_all_is_read_or_refused(value: Any) -> None:
    names = ("modules", "1_Pooling__config", "sentence_bert_config", "config_sentence_transformers")
    for name in names:
        found = files(BODY, POOLING) | files(**{name: value})
        try:
            encoder = read(found)
        except UserError:
            continue
        assert encoder is None or encoder.modules[0].poolings
        assert encoder is None or isinstance(encoder.prompt, str)


def test_a_layout_of_old_is_refused_by_its_names() -> None:
    keys = ["0_BERT/config.json", "0_BERT/pytorch_model.bin", "config.json", "modules.json"]
    for refuse in (refuse_former_layout, lambda keys: selected(keys, "checkpoint", "")):
        with pytest.raises(UserError, match="lies in 0_BERT, not at the top: save it again"):
            refuse(keys)


def test_pickled_weights_of_a_module_are_never_read() -> None:
    keys = [key for key in PUBLISHED if key != "2_Dense/model.safetensors"]
    with pytest.raises(UserError, match=r"2_Dense has no model\.safetensors"):
        files_of_encoder(keys)
