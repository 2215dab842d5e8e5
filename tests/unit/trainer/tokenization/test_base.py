"""A base's tokenizer is held against its model: ids, padding, segments, length."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft.families import FAMILIES
from lingraft_trainer.tokenization.base import load_base_tokenizer, size_of
from tests.support.bases import BASES
from tests.support.families import base_tokenizer, write_base
from tests.support.tiny import LENGTH, MASKED_TYPES, SEGMENTS


def configure(folder: Path, file: str = "config.json", **settings: object) -> None:
    path = folder / file
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({k: v for k, v in (kept | settings).items() if v is not ...}))


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_a_pair_runs_through_its_model(model_type: str, tmp_path: Path):
    base = write_base(model_type, tmp_path)
    tokenizer = load_base_tokenizer(base)
    assert tokenizer.model_max_length <= LENGTH + 2
    encoded = tokenizer("habari ya", "mtoto", return_tensors="pt")
    assert ("token_type_ids" in encoded) == (model_type in SEGMENTS)
    AutoModelForMaskedLM.from_pretrained(base)(**encoded)


def test_bert_keeps_its_segments_under_the_generic_class(tmp_path: Path):
    base = write_base("bert", tmp_path)
    configure(base, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    encoded = load_base_tokenizer(base)("habari ya", "mtoto")
    assert set(encoded["token_type_ids"]) == {0, 1}


def test_a_model_of_one_segment_is_never_fed_a_second(tmp_path: Path):
    """RoBERTa under BERT's tokenizer, which numbers two."""
    tokenizer: Any = BASES["bert"]()
    base = write_base("roberta", tmp_path)
    for file in base.glob("*token*"):
        file.unlink()
    tokenizer.save_pretrained(base)
    configure(base, type_vocab_size=1, pad_token_id=0)
    encoded = load_base_tokenizer(base)("habari ya", "mtoto")
    assert "token_type_ids" not in encoded
    configure(base, type_vocab_size=0)
    assert "token_type_ids" not in load_base_tokenizer(base)("a", "b")


def test_more_segments_than_the_model_has_are_refused(tmp_path: Path):
    base = write_base("bert", tmp_path)
    file = base / "tokenizer.json"
    state = json.loads(file.read_text())
    text = json.dumps(state).replace('"type_id": 1', '"type_id": 2')
    file.write_text(text)
    with pytest.raises(UserError, match=r"numbers segments up to 2, but the model has 2"):
        load_base_tokenizer(base)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_more_tokens_than_rows_are_refused_by_the_token(model_type: str, tmp_path: Path):
    tokenizer: Any = base_tokenizer(model_type)
    base = write_base(model_type, tmp_path)
    tokenizer.add_tokens(["zaidi"])
    tokenizer.save_pretrained(base)
    with pytest.raises(UserError, match=r"gives 'zaidi' the id \d+, but the model has \d+ rows"):
        load_base_tokenizer(base)


COUNT = {name for name, one in FAMILIES.items() if one.counts_from_padding}


@pytest.mark.parametrize("model_type", sorted(COUNT - {"mpnet"}))
def test_another_padding_id_than_positions_are_counted_from_is_refused(
    model_type: str, tmp_path: Path
):
    base = write_base(model_type, tmp_path)
    configure(base, pad_token_id=3)
    with pytest.raises(UserError, match=r"id 1, but config\.json counts positions from .* 3"):
        load_base_tokenizer(base)
    configure(base, pad_token_id=None)
    with pytest.raises(UserError, match=r"no pad_token_id"):
        load_base_tokenizer(base)
    configure(base, pad_token_id=...)  # left out: the family's default
    assert load_base_tokenizer(base).pad_token_id == 1


def test_mpnet_counts_positions_from_one_padding_id_alone(tmp_path: Path):
    base = write_base("mpnet", tmp_path)
    configure(base, pad_token_id=3)
    with pytest.raises(UserError, match=r"pad_token_id 3: transformers counts its positions from"):
        load_base_tokenizer(base)


def test_bert_counts_no_positions_from_its_padding(tmp_path: Path):
    base = write_base("bert", tmp_path)
    configure(base, pad_token_id=5)
    assert load_base_tokenizer(base).pad_token_id == 0


def test_a_tokenizer_without_padding_takes_the_models(tmp_path: Path):
    base = write_base("roberta", tmp_path)
    configure(base, "tokenizer_config.json", pad_token=..., tokenizer_class=...)
    configure(base, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert load_base_tokenizer(base).pad_token == "<pad>"


@pytest.mark.parametrize("told", [int(1e30), 100_000, None])
def test_no_sequence_is_longer_than_the_model_has_positions(told: int | None, tmp_path: Path):
    base = write_base("roberta", tmp_path)
    configure(base, "tokenizer_config.json", model_max_length=told if told else ...)
    tokenizer = load_base_tokenizer(base)
    assert tokenizer.model_max_length == LENGTH
    encoded = tokenizer("habari " * 100, truncation=True, return_tensors="pt")
    with torch.no_grad():
        AutoModelForMaskedLM.from_pretrained(base)(**encoded)


def test_the_size_counts_holes():
    from tokenizers import Tokenizer, models

    backend = Tokenizer(models.WordLevel({"a": 0, "b": 9}, unk_token="a"))
    assert size_of(PreTrainedTokenizerFast(tokenizer_object=backend)) == 10
