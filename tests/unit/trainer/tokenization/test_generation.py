"""A grafted instruct model still chats: it begins, pads and stops by the tokens that it did."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft.pack import PackBase
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.packs.languages import Languages
from lingraft_trainer.packs.load import load, write_full
from lingraft_trainer.packs.write import fingerprint, record_of, write_pack
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.causal import causal_special_tokens
from lingraft_trainer.tokenization.generation import (
    carry_ids,
    read_configs,
    renumbered,
    stop_behind_answers,
)
from lingraft_trainer.tokenization.swap import relay
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.causal import BASES, tiny_llama
from tests.support.causal_base import Base
from tests.support.texts import invented

SIZE, WIDTH = 640, 32
TALK = [{"role": "user", "content": "habari ya été 123?"}]
CHATS = [name for name, make in BASES.items() if "chat_template" in make().config]


def grafted(base: Base, folder: Path) -> tuple[PreTrainedTokenizerFast, Path]:
    """The base's tokenizer, and a model of the new vocabulary as the graft writes it."""
    model = tiny_llama(base.write(folder))
    of = PackBase(ref="source/0", embeddings=fingerprint(embeddings(model).weight))
    own = load_base_tokenizer(folder)
    new = train_tokenizer(
        invented(),
        type="bpe",
        vocab_size=SIZE,
        template=causal_special_tokens(own, folder),
        like=own.backend_tokenizer,
    )
    torch.manual_seed(1)
    save_file({"weight": torch.randn(SIZE, WIDTH)}, folder / "learned.safetensors")
    graft = Graft(folder / "learned.safetensors", new, torch.float32)
    graft.into(model, family_of("llama"))
    ids = carry_ids(model, folder, own, new)
    said = {"language": "sw", "source_language": "en", "method": "Standard"}
    write_pack(record_of(graft, model, of, ids, **said), graft, model, folder / "pack")
    write_full(folder, folder / "pack", folder / "model")
    return own, folder / "model"


def names_of(config: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """What a config says of roles, by the tokens' names."""

    def name(value: Any) -> Any:
        several = isinstance(value, list)
        return [name(one) for one in value] if several else tokenizer.convert_ids_to_tokens(value)

    roles = [role for role in config if role.endswith("_token_id")]
    return {r: name(v) for r in roles if (v := config[r]) is not None and v != -1}


@pytest.mark.parametrize("make", BASES.values(), ids=BASES)
def test_the_written_files_name_the_same_tokens(make: Any, tmp_path: Path) -> None:
    own, written = grafted(make(), tmp_path)
    new = AutoTokenizer.from_pretrained(written)
    before, after = read_configs(tmp_path), read_configs(written)
    for name in before:
        was, now = names_of(before[name], own), names_of(after[name], new)
        assert was.items() <= now.items()
    assert after["config.json"]["vocab_size"] == len(new) == SIZE
    settings = ("do_sample", "temperature", "top_p", "repetition_penalty")
    for field in settings:
        mine, theirs = (one["generation_config.json"].get(field) for one in (after, before))
        assert mine == theirs


@pytest.mark.parametrize("name", CHATS)
def test_a_conversation_is_written_as_before(name: str, tmp_path: Path) -> None:
    own, written = grafted(BASES[name](), tmp_path)
    new = AutoTokenizer.from_pretrained(written)
    for generate in (False, True):
        texts = [
            str(t.apply_chat_template(TALK, tokenize=False, add_generation_prompt=generate))
            for t in (own, new)
        ]
        assert texts[0] == texts[1]
        ids = [t(texts[0], add_special_tokens=False)["input_ids"] for t in (own, new)]
        assert new.decode(ids[1]) == own.decode(ids[0])
        kept = set(BASES[name]().kept)
        markers = [
            [t for t in tok.convert_ids_to_tokens(i) if t in kept]
            for tok, i in zip((own, new), ids, strict=True)
        ]
        assert markers[0] == markers[1] and markers[0]


@pytest.mark.parametrize("name", CHATS)
def test_every_end_stops_it(name: str, tmp_path: Path) -> None:
    _, written = grafted(BASES[name](), tmp_path)
    model: Any = AutoModelForCausalLM.from_pretrained(written)
    new = AutoTokenizer.from_pretrained(written)
    ends = model.generation_config.eos_token_id
    prompt = new.apply_chat_template(TALK, add_generation_prompt=True, return_tensors="pt")
    ids = prompt["input_ids"]
    for end in [ends] if isinstance(ends, int) else ends:
        rows = model.get_input_embeddings().weight.data
        states = model.model(ids).last_hidden_state[0, -1]
        kept = rows[end].clone()
        rows[end] = 100 * states / states.norm()  # the likeliest token there is
        out = model.generate(ids, max_new_tokens=8, do_sample=False)
        assert out.shape[1] == ids.shape[1] + 1 and out[0, -1] == end
        rows[end] = kept


def test_words_that_are_never_said_are_spelled_anew(tmp_path: Path) -> None:
    own, written = grafted(BASES["qwen"](), tmp_path)
    new = AutoTokenizer.from_pretrained(written)
    after = read_configs(written)["generation_config.json"]
    # The image's token is gone, so nobody can say it.
    assert after["suppress_tokens"] == [new.convert_tokens_to_ids("a")]
    assert [new.decode(ids) for ids in after["bad_words_ids"]] == ["ha"]
    config = {
        "sequence_bias": [
            [own.encode("ya"), -2.0],
            [[own.convert_tokens_to_ids("<|fim_prefix|>")], 1.0],
        ]
    }
    assert renumbered(config, own, new) == {"sequence_bias": [[new.encode("ya"), -2.0]]}


def test_settings_that_transformers_finds_odd_are_written_all_the_same(tmp_path: Path) -> None:
    base = BASES["llama-3"]()
    base.generation["do_sample"] = False  # beside a temperature
    _, written = grafted(base, tmp_path)
    assert json.loads((written / "generation_config.json").read_text())["temperature"] == 0.6


@pytest.mark.parametrize("file", [True, False])
def test_a_base_that_was_tuned_to_answer_stops_behind_answers(file: bool, tmp_path: Path) -> None:
    base = BASES["qwen"]()
    base.config["eos_token"] = base.ids["eos_token_id"] = "<|endoftext|>"
    base.generation.update(eos_token_id="<|endoftext|>", do_sample=False, temperature=0.6)
    model: Any = tiny_llama(base.write(tmp_path))
    if file:
        model = AutoModelForCausalLM.from_pretrained(tmp_path)
    own: Any = load_base_tokenizer(tmp_path)
    for _ in range(2):
        stop_behind_answers(model, own)
    model.save_pretrained(tmp_path / "tuned")
    said = read_configs(tmp_path / "tuned")["generation_config.json"]
    ends = own.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert said["eos_token_id"] == ends and said.get("temperature") == (0.6 if file else None)
    # Or transformers 4 takes the ends of config.json instead.
    assert "_from_model_config" not in said


def test_a_checkpoint_without_generation_config_stops_by_its_config(tmp_path: Path) -> None:
    base = BASES["smollm2"]()
    model = tiny_llama(base.write(tmp_path))
    own = load_base_tokenizer(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    new = relay(own, causal_special_tokens(own, tmp_path))
    carry_ids(model, tmp_path, own, new)
    assert model.generation_config.eos_token_id == new.convert_tokens_to_ids("<|im_end|>")


@pytest.mark.parametrize("name", BASES)
def test_ids_that_a_config_leaves_out_are_the_tokenizers(name: str, tmp_path: Path) -> None:
    """Not the defaults of its class: a Llama's bos is 1 and its eos 2, whatever stands there."""
    base = BASES[name]()
    base.ids.clear()
    tiny_llama(base.write(tmp_path))
    (tmp_path / "generation_config.json").unlink()
    own = load_base_tokenizer(tmp_path)
    new = relay(own, causal_special_tokens(own, tmp_path))
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert (model.config.bos_token_id, model.config.eos_token_id) == (1, 2)
    assert carry_ids(model, tmp_path, own, new) == {}
    assert model.generation_config.eos_token_id == model.config.eos_token_id == new.eos_token_id
    assert model.config.bos_token_id == new.bos_token_id


def test_a_model_that_was_tuned_elsewhere_stops_at_its_own_ends_too(tmp_path: Path) -> None:
    """Merged adapters leave the embeddings as they were, and the pack fits."""
    base = BASES["qwen"]()
    plain = {"eos_token_id": "<|endoftext|>"}
    untuned = replace(base, ids=base.ids | plain, generation=base.generation | plain)
    grafted(untuned, tmp_path / "base")
    pack = tmp_path / "base" / "pack"
    tuned = tmp_path / "tuned"
    copytree(tmp_path / "base", tuned)
    said = base.numbers({"eos_token_id": ["<|im_end|>", "<|image_pad|>"]})
    (tuned / "generation_config.json").write_text(json.dumps(said))
    for place, ends in (("base", ["<|endoftext|>"]), ("tuned", ["<|endoftext|>", "<|im_end|>"])):
        with Languages(tmp_path / place, [pack]).use("sw") as many:
            for loaded in (load(tmp_path / place, pack), many):
                found: Any = loaded.model.generation_config
                stops = found.eos_token_id
                stops = stops if isinstance(stops, list) else [stops]
                assert loaded.tokenizer.convert_ids_to_tokens(stops) == ends


def test_a_vocabulary_without_an_end_is_refused(tmp_path: Path) -> None:
    own = load_base_tokenizer(BASES["smollm2"]().write(tmp_path))
    new = load_base_tokenizer(BASES["llama-2"]().write(tmp_path / "other"))
    with pytest.raises(UserError, match=r"eos_token_id is '<\|im_end\|>', which the new"):
        renumbered({"eos_token_id": 2}, own, new)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("pair")
    own = load_base_tokenizer(BASES["llama-3"]().write(folder))
    return own, relay(own, causal_special_tokens(own, folder))


@given(st.lists(st.integers(0, 339), min_size=1, max_size=6), st.integers(1, 5))
def test_ids_of_a_vocabulary_that_keeps_its_pieces_say_the_same(
    pair: Any, ids: list[int], number: int
) -> None:
    own, new = pair
    config = {"eos_token_id": ids, "suppress_tokens": ids, "top_k": number}
    found = renumbered(config, own, new)
    assert found["top_k"] == number
    for field in ("eos_token_id", "suppress_tokens"):
        assert new.convert_ids_to_tokens(found[field]) == own.convert_ids_to_tokens(ids)
