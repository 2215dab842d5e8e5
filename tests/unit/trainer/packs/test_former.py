"""Rotations of an exported model are the base's to transformers 4, too."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from lingraft_trainer.packs.former import former_names, say_as_before
from lingraft_trainer.packs.load import write_full
from tests.support.packs import write_language
from tests.support.tiny import TARGET_WORDS, tiny_base

LLAMA_3 = {
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
LONGROPE = {"type": "longrope", "long_factor": [1.0, 5.0], "short_factor": [1.0, 1.3]}
PHI = {"hidden_size": 32, "num_attention_heads": 4, "partial_rotary_factor": 0.5}
PHI |= {"original_max_position_embeddings": 4096, "pad_token_id": 0}
OF_4: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "smollm2": ("llama", {}, {"rope_theta": 100000, "rope_scaling": None}),
    "llama 3.2": ("llama", {}, {"rope_theta": 500000.0, "rope_scaling": LLAMA_3}),
    "phi-4-mini": ("phi3", PHI, {"rope_theta": 10000.0, "rope_scaling": LONGROPE}),
    "gemma 3": (
        "gemma3_text",
        {},
        {
            "rope_theta": 1000000.0,
            "rope_local_base_freq": 10000.0,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        },
    ),
    "mmbert": (
        "modernbert",
        {},
        {"global_rope_theta": 160000.0, "local_rope_theta": 160000.0, "rope_scaling": None},
    ),
}


@pytest.mark.parametrize(("model_type", "others", "said"), OF_4.values(), ids=OF_4)
def test_what_a_base_of_transformers_4_said_is_said_again(
    model_type: str, others: dict[str, Any], said: dict[str, Any], tmp_path: Path
) -> None:
    """4 knows no `rope_parameters`: it would take its default of each, without a word."""
    read: Any = AutoConfig.for_model(model_type, **others, **deepcopy(said))
    read.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert "rope_theta" not in written and "global_rope_theta" not in written
    say_as_before(tmp_path)
    now = json.loads((tmp_path / "config.json").read_text())
    assert now == written | said
    again: Any = AutoConfig.from_pretrained(tmp_path)
    assert again.rope_parameters == read.rope_parameters


def test_an_exported_model_says_it(tmp_path: Path) -> None:
    base = tiny_base("llama", tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    write_full(base, pack, tmp_path / "whole")
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert config["rope_scaling"]["rope_type"] == "llama3"
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]


def test_a_config_without_rotations_is_left_as_it_is(tmp_path: Path) -> None:
    AutoConfig.for_model("roberta").save_pretrained(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    say_as_before(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
    assert former_names({"model_type": "bert", "rope_parameters": None}) == {}
