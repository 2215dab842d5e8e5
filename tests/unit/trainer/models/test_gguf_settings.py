"""A GGUF header's settings are the model's, or they are refused by their name."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations.gguf.gguf_tokenizer_mapping import convert_gguf_tokenizer

from lingraft.errors import UserError
from lingraft.gguf_settings import check_settings, settings_of
from lingraft.planning import _base_shape  # pyright: ignore[reportPrivateUsage]
from lingraft_trainer.models.gguf import converted
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import BASES, tiny_llama
from tests.support.gguf_file import write_gguf


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))


def model_of(model_type: str, **settings: Any) -> Any:
    vocabulary = BASES["smollm2"]().backend.get_vocab_size()
    sizes = dict(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=7,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
    )
    config = AutoConfig.for_model(
        model_type, vocab_size=vocabulary, pad_token_id=0, tie_word_embeddings=True,
        **sizes | settings,
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.normal_(0, 0.3)
    return model


GEMMA = {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 7}
IN_GEMMA = {"attention.key_length": 16, "attention.sliding_window": 7}
CAPS = {"attn_logit_softcapping": 5.0, "final_logit_softcapping": 2.0}


@pytest.mark.parametrize(
    ("model_type", "settings", "header"),
    [
        ("qwen3", {"head_dim": 16}, {"attention.key_length": 16}),
        ("phi3", {"sliding_window": 7}, {"attention.sliding_window": 7}),
        ("phi3", {}, {"attention.sliding_window": 0, "rope.scaling.original_context_length": 64}),
        ("phi3", {"partial_rotary_factor": 0.5}, {"rope.dimension_count": 4}),
        ("gemma2", GEMMA | CAPS, IN_GEMMA | CAPS),
        ("gemma3_text", GEMMA, IN_GEMMA | {"rope.freq_base_swa": 10000.0}),
        (
            "gemma3_text",
            GEMMA | {"rope_theta": 500.0, "final_logit_softcapping": 2.0},
            IN_GEMMA | {"final_logit_softcapping": 2.0, "attention.sliding_window_pattern": 6},
        ),
    ],
)
def test_what_the_header_says_is_what_is_computed(
    model_type: str, settings: dict[str, Any], header: dict[str, Any], tmp_path: Path
) -> None:
    model, owner = model_of(model_type, **settings), model_type.removesuffix("_text")
    file = tmp_path / "tiny.gguf"
    said = {f"{owner}.{name}": value for name, value in header.items()}
    write_gguf(file, BASES["smollm2"](), model, "smollm", settings=said)
    read: Any = AutoModelForCausalLM.from_pretrained(converted(file, "once")).eval()
    ids = torch.randint(0, 300, (1, 60))
    with torch.no_grad():
        torch.testing.assert_close(read(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)
    assert _base_shape(file.as_uri(), "planned").layers == 7


@pytest.mark.parametrize(
    ("model_type", "header", "said"),
    [
        ("llama", {"attention.sliding_window": 7}, r"attention\.sliding_window \(7\)"),
        ("qwen2", {"rope.dimension_count": 4}, r"rope\.dimension_count 4 of heads of 8"),
        ("llama", {"logit_scale": 0.5}, r"logit_scale \(0\.5\)"),
        ("llama", {"attention.scale": 0.25}, r"attention\.scale \(0\.25\)"),
        ("llama", {"something.new": "x"}, r"something\.new \(x\)"),
        ("llama", {"rope.scaling.factor": 2.0}, r"rope\.scaling\.factor"),
        ("qwen2", {"rope.dimension_sections": [1, 1, 2]}, r"dimension_sections \(a list of 3\)"),
        ("gemma3_text", {"attention.key_length": 8}, r"does not say attention\.sliding_window"),
        ("gemma3_text", {**IN_GEMMA, "attention.sliding_window_pattern": 3}, "window_pattern"),
        ("gemma3_text", {**IN_GEMMA, "rope.freq_base_swa": 5000.0}, "freq_base_swa"),
        ("gemma2", {**IN_GEMMA, "attention.sliding_window_pattern": [True, False]}, "a list of 2"),
    ],
)
def test_what_would_be_lost_is_refused_when_planned_and_when_read(
    model_type: str, header: dict[str, Any], said: str, tmp_path: Path
) -> None:
    file, owner = tmp_path / "tiny.gguf", model_type.removesuffix("_text")
    named = {f"{owner}.{name}": value for name, value in header.items()}
    write_gguf(file, BASES["smollm2"](), model_of(model_type), "smollm", settings=named)
    for read in (lambda: _base_shape(file.as_uri(), said), lambda: converted(file, said)):
        with pytest.raises(UserError, match=said):
            read()


@pytest.mark.parametrize("architecture", ["llama", "phi3", "gemma3"])
def test_a_text_without_a_space_in_front_is_refused_where_one_would_be_put(
    architecture: str,
) -> None:
    """transformers' reader puts one there whatever the header says, but for Gemma's."""
    pieces = ["<unk>", "<s>", "</s>", "\u2581", "a", "\u2581a"]
    scores, kinds = [0.0, 0.0, 0.0, -1.0, -2.0, 0.0], [2, 3, 3, 1, 1, 1]
    said = {"tokens": pieces, "scores": scores, "token_type": kinds, "add_prefix_space": False}
    read, _ = convert_gguf_tokenizer(architecture, said | {"tokenizer_type": "llama"})
    puts_one = read.encode("a", add_special_tokens=False).tokens == ["\u2581a"]
    assert puts_one == (architecture != "gemma3")

    header = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.add_space_prefix": False}
    sizes = {f"{architecture}.attention.sliding_window": 7} if architecture == "gemma3" else {}
    others = (header | {"tokenizer.ggml.add_space_prefix": True}, {"tokenizer.ggml.model": "gpt2"})
    for one in (*others, header | {"tokenizer.ggml.model": "gpt2"}):
        check_settings(sizes | one, architecture, where="a file")
    refused = pytest.raises(UserError, match=r"add_space_prefix false.* other tokens")
    with refused if puts_one else nullcontext():
        check_settings(sizes | header, architecture, where="a file")


@pytest.mark.parametrize(
    ("architecture", "layers", "width", "root"),
    [("gemma2", 42, 256, 256), ("gemma2", 46, 128, 144), ("gemma3", 62, 128, 144)],
)
def test_gemmas_of_27_billion_divide_scores_by_another_root(
    architecture: str, layers: int, width: int, root: int
) -> None:
    sizes = {
        "embedding_length": 4608,
        "block_count": layers,
        "attention.head_count": 32,
        "attention.key_length": width,
    }
    header = {f"{architecture}.{name}": size for name, size in sizes.items()}
    assert settings_of(header, architecture)["query_pre_attn_scalar"] == root


@pytest.mark.parametrize(
    ("pre", "adds", "begins"),
    [
        ("llama-bpe", None, True),
        ("llama-bpe", True, True),
        ("llama-bpe", False, False),
        ("tekken", None, True),
        ("qwen2", None, False),
        ("gpt-2", None, False),
    ],
)
def test_a_text_begins_as_it_does_in_llama_cpp(
    pre: str, adds: bool | None, begins: bool, tmp_path: Path
) -> None:
    base, file = BASES["llama-3"](), tmp_path / "tiny.gguf"
    model = tiny_llama(base.write(tmp_path / "base"))
    write_gguf(file, base, model, pre, adds_bos=adds)
    tokenizer = load_base_tokenizer(converted(file, pre))
    assert len(tokenizer) == model.config.vocab_size
    assert "<|endoftext|>" not in tokenizer.get_vocab()
    text = ["<|begin_of_text|>"] if begins else []
    assert tokenizer("a").tokens() == [*text, "a"]
