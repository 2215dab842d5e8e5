"""A tokenizer is what its file says, whatever class somebody named for it."""

import json
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.load import load_tokenizer
from lingraft_trainer.tokenization.sentencepiece_model import PROBES
from lingraft_trainer.tokenization.special import special_tokens_of
from lingraft_trainer.tokenization.swap import relay, save_tokenizer
from tests.support.bases import BASES, NASTY, TEXT
from tests.support.vocabularies import MADE, gpt2, sentencepiece_model, unigram

CLASSES = ["RobertaTokenizer", "XLMRobertaTokenizer", "BertTokenizer", "CamembertTokenizer", None]


@pytest.mark.parametrize("beside", ["bert", "roberta", "xlm-roberta", None])
@pytest.mark.parametrize("named", CLASSES)
@pytest.mark.parametrize("kind", MADE)
def test_the_file_is_the_truth(kind: str, named: str | None, beside: str | None, tmp_path: Path):
    made = MADE[kind]()
    made.save(str(tmp_path / "tokenizer.json"))
    roles = (
        {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
        if kind == "wordpiece"
        else {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    )
    config = roles | ({"tokenizer_class": named} if named else {})
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if beside:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": beside}))
    loaded = load_tokenizer(tmp_path)
    for text in [*PROBES, *NASTY, *TEXT[:5]]:
        wanted = made.encode(text, add_special_tokens=False).ids
        assert loaded(text, add_special_tokens=False)["input_ids"] == wanted, text
    assert loaded.pad_token == roles["pad_token"] and loaded.unk_token == roles["unk_token"]


@pytest.mark.parametrize("family", BASES)
def test_what_transformers_saves_is_what_it_was(family: str, tmp_path: Path):
    before: Any = BASES[family]()
    before.save_pretrained(tmp_path)
    after = load_tokenizer(tmp_path)
    for text in [*NASTY, *TEXT[:5]]:
        assert after(text)["input_ids"] == before(text)["input_ids"]
    assert special_tokens_of(after) == special_tokens_of(before)


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        ("wordpiece", "do_lower_case", True),
        ("wordpiece", "tokenize_chinese_chars", False),
        ("byte-level", "add_prefix_space", False),
    ],
)
def test_settings_that_contradict_the_file_are_refused(
    kind: str, setting: str, value: bool, tmp_path: Path
):
    MADE[kind]().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({setting: value}))
    with pytest.raises(UserError, match=rf"{setting} {str(value).lower()}, tokenizer\.json says"):
        load_tokenizer(tmp_path)


def test_tokenizer_json_alone_is_enough(tmp_path: Path):
    file = tmp_path / "tokenizer.json"
    unigram().save(str(file))
    (tmp_path / "nothing else").mkdir()
    for place in (file, tmp_path):
        ids = load_tokenizer(place)("habari ya", add_special_tokens=False)["input_ids"]
        assert ids == unigram().encode("habari ya").ids


@pytest.mark.parametrize(
    "settings",
    [
        {"model_type": "unigram"},
        {"model_type": "unigram", "normalization_rule_name": "identity", "byte_fallback": True},
        {"model_type": "unigram", "user_defined_symbols": ["@you", "é"]},
        {"model_type": "bpe", "vocab_size": 700},
        {
            "model_type": "bpe",
            "vocab_size": 900,
            "normalization_rule_name": "identity",
            "byte_fallback": True,
            "remove_extra_whitespaces": False,
            "split_digits": True,
        },
        {"model_type": "bpe", "vocab_size": 700, "add_dummy_prefix": False},
    ],
    ids=str,
)
def test_a_sentencepiece_model_cuts_as_sentencepiece_does(settings: Any, tmp_path: Path):
    model = sentencepiece_model(**settings)
    (tmp_path / "tokenizer.model").write_bytes(model)
    reference = sentencepiece.SentencePieceProcessor(model_proto=model)
    for place in (tmp_path, tmp_path / "tokenizer.model"):
        loaded = load_tokenizer(place)
        for text in [*PROBES, *TEXT[:50]]:
            ids = loaded(text, add_special_tokens=False)["input_ids"]
            assert ids == reference.encode(text), text
            assert loaded.decode(ids) == reference.decode(ids)
    target = relay(loaded, special_tokens_of(BASES["roberta"]()))
    for text in PROBES:
        known = [t for t in target.tokenize(text) if t != target.unk_token]
        assert known == [t for t in loaded.tokenize(text) if t != "<unk>"]


@pytest.mark.parametrize("content", [b"", b"\x00\x01no model"])
def test_what_is_no_sentencepiece_model_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(UserError, match="no SentencePiece model"):
        load_tokenizer(tmp_path / "tokenizer.model")


def test_word_models_of_sentencepiece_are_refused(tmp_path: Path):
    model = sentencepiece_model(model_type="char")
    (tmp_path / "tokenizer.model").write_bytes(model)
    with pytest.raises(UserError, match="neither unigram nor BPE"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("beside", [None, "gpt2"])
def test_vocabulary_and_merges_are_byte_level_bpe(beside: str | None, tmp_path: Path):
    made = gpt2(tmp_path)
    if beside:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": beside}))
    target = relay(load_tokenizer(tmp_path), special_tokens_of(BASES["xlm-roberta"]()))
    for text in [*TEXT[:20], *PROBES]:
        assert target.tokenize(text) == made.encode(text, add_special_tokens=False).tokens
    assert "<|endoftext|>" not in target.get_vocab()


def test_merges_that_are_not_of_bytes_are_refused(tmp_path: Path):
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2}))
    (tmp_path / "merges.txt").write_text("a b\n")
    with pytest.raises(UserError, match="254 of the 256 bytes"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("files", [{"vocab.txt": "a\nb\n"}, {"tokenizer.json": "{"}, {"x": ""}])
def test_what_is_no_tokenizer_is_one_sentence(files: dict[str, str], tmp_path: Path):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=r"tokenizer\.json") as caught:
        load_tokenizer(tmp_path)
    assert caught.value.where == "spec.tokenizer.uri" and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", MADE)
def test_added_tokens_are_carried_over(kind: str, tmp_path: Path):
    made = MADE[kind]()
    made.add_tokens(["mtoto mdogo", AddedToken("Habari", single_word=True)])
    made.save(str(tmp_path / "tokenizer.json"))
    target = relay(load_tokenizer(tmp_path), special_tokens_of(BASES["roberta"]()))
    pieces = target.tokenize("Habari mtoto mdogo Habarini")
    assert pieces.count("mtoto mdogo") == 1
    wanted = made.encode("Habari mtoto mdogo Habarini").tokens
    assert [p for p in pieces if p != "<unk>"] == [p for p in wanted if p not in ("<unk>", "[UNK]")]
    assert sorted(target.get_vocab().values()) == list(range(len(target)))
    save_tokenizer(target, tmp_path / "again")
    again = load_tokenizer(tmp_path / "again")
    assert again.tokenize("Habari mtoto mdogo Habarini") == pieces


def test_a_vocabulary_with_holes_is_filled(tmp_path: Path):
    vocabulary = {"<unk>": 0, "habari": 7, "ya": 90}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    target = relay(
        PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>"),
        special_tokens_of(BASES["roberta"]()),
    )
    assert sorted(target.get_vocab().values()) == list(range(7))
    assert target.tokenize("habari ya") == ["habari", "ya"]


CASED = ["Haus", "Straße", "Bäume", "der", "##ung", "雪", "##雪", "ä", "[unused1]"]
UNCASED = [word.lower() for word in CASED]


@pytest.mark.parametrize(
    ("words", "config", "said"),
    [
        (CASED, None, "makes 'haus' of 'Haus'"),
        (CASED, {"do_lower_case": True}, "no text comes to 3 of its 5 words"),
        (CASED, {"do_lower_case": False}, None),
        (UNCASED, {"do_lower_case": True}, "makes 'baume' of 'bäume'"),
        (UNCASED, {"do_lower_case": True, "strip_accents": False}, None),
    ],
)
def test_a_vocabulary_that_no_text_comes_to_is_read_otherwise(
    words: list[str], config: dict[str, Any] | None, said: str | None, tmp_path: Path
):
    """A vocab.txt says nothing of case: its class takes it to be small letters without accents."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (tmp_path / "vocab.txt").write_text("".join(f"{word}\n" for word in [*special, *words]))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    if config is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if said is None:
        assert load_tokenizer(tmp_path).tokenize(words[0]) == [words[0]]
        return
    with pytest.raises(UserError, match=said) as caught:
        load_tokenizer(tmp_path, where="spec.base.uri")
    assert caught.value.where == "spec.base.uri"
