"""A GGUF base becomes the checkpoint that it was made of: sizes, weights, ids, chat."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import lingraft_trainer.models.gguf
from lingraft.errors import UserError
from lingraft.gguf import config_of_gguf, one_gguf
from lingraft.planning import _base_shape  # pyright: ignore[reportPrivateUsage]
from lingraft.selection import selected
from lingraft.sources import fingerprint
from lingraft.stage import Stage, StageSpec
from lingraft_trainer.models.gguf import converted
from lingraft_trainer.running.inputs import fetch_input
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.causal import causal_special_tokens
from tests.support.bases import NASTY
from tests.support.causal import BASES, tiny_llama
from tests.support.gguf_file import write_gguf
from tests.support.texts import HARD

BASE = BASES["smollm2"]
TEXTS = [*NASTY, *HARD, "x  2024  été\n\n\ty = 12345;", "<|im_start|>user\nhabari<|im_end|>"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint in `base`, the same as a GGUF file in `gguf`."""
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))
    model = tiny_llama(BASE().write(tmp_path / "base"))
    (tmp_path / "gguf").mkdir()
    write_gguf(tmp_path / "gguf" / "tiny.gguf", BASE(), model, "smollm")
    (tmp_path / "gguf" / "README.md").write_text("how it was made")
    return tmp_path


def ids_of(tokenizer: PreTrainedTokenizerFast) -> list[list[int]]:
    return [tokenizer(text)["input_ids"] for text in TEXTS]


def test_what_comes_out_is_the_checkpoint(folder: Path) -> None:
    out = converted(folder / "gguf", "once")
    own, mine = load_base_tokenizer(folder / "base"), load_base_tokenizer(out)
    assert ids_of(mine) == ids_of(own)
    assert mine.chat_template == own.chat_template
    assert mine.special_tokens_map == own.special_tokens_map
    kept = [causal_special_tokens(*one).ids for one in ((mine, out), (own, folder / "base"))]
    assert kept[0] == kept[1]
    ids = torch.tensor([ids_of(own)[0]])
    with torch.no_grad():
        logits = [
            AutoModelForCausalLM.from_pretrained(place)(ids).logits
            for place in (out, folder / "base")
        ]
    torch.testing.assert_close(logits[0], logits[1], atol=1e-5, rtol=1e-4)
    config = json.loads((out / "config.json").read_text())
    assert "quantization_config" not in config and str(folder) not in json.dumps(config)


@pytest.mark.parametrize(
    ("more", "ends"),
    [
        ({"eot": "<|endoftext|>"}, ["<|im_end|>", "<|endoftext|>"]),
        ({"eot": "<|im_end|>", "eom": "<file_sep>"}, ["<|im_end|>", "<file_sep>"]),
        ({"eot": "<|im_end|>"}, None),
    ],
    ids=["the end of a turn", "of a message", "one that is the eos"],
)
def test_it_stops_at_every_end_that_the_header_names(
    folder: Path, more: dict[str, str], ends: list[str] | None
) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "base")
    numbers = BASE().backend.get_vocab()
    ids = {f"tokenizer.ggml.{name}_token_id": numbers[token] for name, token in more.items()}
    write_gguf(folder / "gguf" / "tiny.gguf", BASE(), model, "smollm", settings=ids)
    out = converted(folder / "gguf", "ends")
    tokenizer = load_base_tokenizer(out)
    assert (out / "generation_config.json").is_file() == (ends is not None)
    read: Any = AutoModelForCausalLM.from_pretrained(out).generation_config
    stops = read.eos_token_id if isinstance(read.eos_token_id, list) else [read.eos_token_id]
    assert tokenizer.convert_ids_to_tokens(stops) == (ends or ["<|im_end|>"])
    assert read.pad_token_id == tokenizer.pad_token_id
    kept = causal_special_tokens(tokenizer, out).ids  # also under another vocabulary
    assert set(ends or ()) <= kept.keys()


def test_it_is_planned_and_fetched_as_any_base(folder: Path) -> None:
    for uri in (f"{(folder / 'gguf').as_uri()}/", (folder / "gguf" / "tiny.gguf").as_uri()):
        source = fingerprint(uri, "checkpoint")
        assert source.objects == 1
        shape = _base_shape(uri, source.fingerprint)
        assert shape == _base_shape(f"{(folder / 'base').as_uri()}/", "another")
        spec = StageSpec(
            stage=Stage(kind="corpus", params={}, inputs={"base": f"source/{source.fingerprint}"}),
            sources={source.fingerprint: source},
            store=f"{folder.as_uri()}/store/",
            holder="first",
        )
        found = fetch_input(spec, None, "base")  # type: ignore[arg-type]  # a source is no artifact
        assert ids_of(load_base_tokenizer(found)) == ids_of(load_base_tokenizer(folder / "base"))


def test_nothing_is_drawn_into_the_log(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    converted(folder / "gguf", "quiet")
    assert "%|" not in capfd.readouterr().err


def test_it_is_converted_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = converted(folder / "gguf", "once")
    monkeypatch.setattr(lingraft_trainer.models.gguf, "convert", lambda *args: pytest.fail("again"))
    assert converted(folder / "gguf", "once") == out


def test_without_the_package_the_command_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingraft_trainer.models.gguf, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'lingraft\[gguf\]'"):
        converted(folder / "gguf", "none")


def test_a_pre_tokeniser_that_is_not_known_is_refused(folder: Path) -> None:
    file = folder / "gguf" / "tiny.gguf"
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "base")
    write_gguf(file, BASE(), model, "chameleon")
    with pytest.raises(UserError, match="pre-tokeniser chameleon, which is not known here"):
        converted(file, "another")


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("rope_freqs.weight", np.ones(4, np.float32), "holds 21 tensors, of which 20 fit"),
        ("blk.0.attn_q.bias", np.ones(32, np.float32), "holds 21 tensors, of which 20 fit"),
        ("blk.0.ffn_up.weight", None, r"lacks model\.layers\.0\.mlp\.up_proj\.weight"),
    ],
    ids=["Llama 3.1's positions", "a bias", "not whole"],
)
def test_every_tensor_is_accounted_for(
    folder: Path, name: str, tensor: np.ndarray | None, said: str
) -> None:
    file = folder / "gguf" / "tiny.gguf"
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "base")
    write_gguf(file, BASE(), model, "smollm", tensors={name: tensor})
    with pytest.raises(UserError, match=said):
        converted(file, "another")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"llama.expert_count": 8}, "mixture of experts"),
        ({"llama.rope.scaling.type": "yarn"}, "its positions are scaled"),
    ],
    ids=["Mixtral", "YaRN"],
)
def test_what_is_more_than_its_family_is_refused_when_planned(
    folder: Path, settings: dict[str, str | int], said: str
) -> None:
    file = folder / "gguf" / "tiny.gguf"
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "base")
    write_gguf(file, BASE(), model, "smollm", settings=settings)
    with pytest.raises(UserError, match=said):
        _base_shape(file.as_uri(), said)


def test_a_file_that_is_no_gguf_or_half_of_one_is_refused(folder: Path) -> None:
    file = folder / "gguf" / "tiny.gguf"
    content = file.read_bytes()
    for broken in (b"", b"GGML" + content[4:], content[:200], content[:16] + b"\xff" * 40):
        file.write_bytes(broken)
        with file.open("rb") as stream, pytest.raises(UserError, match="this is no GGUF file"):
            config_of_gguf(stream, where="spec.base.uri")
    with pytest.raises(UserError, match=r"tiny\.gguf cannot be read"):
        converted(file, "broken")


def test_which_file_counts() -> None:
    assert one_gguf([""], "model.gguf") == "" and one_gguf([""], "model.txt") is None
    assert one_gguf(["a.gguf", "README.md"], "folder") == "a.gguf"
    assert one_gguf(["a.gguf", "config.json", "model.safetensors"], "folder") is None
    with pytest.raises(UserError, match=r"there are 2 \.gguf files, a\.gguf among them"):
        one_gguf(["a.gguf", "b.gguf"], "folder")
    keys = ["a.gguf", "config.json", "tokenizer.json"]
    assert selected(keys, "checkpoint", "") == selected(keys, "tokenizer", "") == ["a.gguf"]
