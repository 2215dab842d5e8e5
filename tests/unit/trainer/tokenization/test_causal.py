"""A vocabulary under a causal base's rules: what stays, what goes, and every text comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.bpe_like import BYTES, bpe_like
from lingraft_trainer.tokenization.causal import causal_special_tokens, document_end
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import NASTY, TEXT
from tests.support.causal import BASES, LLAMA_3
from tests.support.causal_base import SPACE, Base
from tests.support.texts import HARD, JOINERS, every_character, invented

SIZE = 640
CODE = "def f(x):\n\tif x >= 10:  # été\n        return {'a': [0]}\n\n\n"
ANY = st.lists(
    st.text(max_size=12)
    | st.sampled_from([*HARD, *NASTY, *JOINERS, CODE, "\n", " ", "  ", "2024"]),
    max_size=4,
).map("".join)


def trained(
    base: Base, folder: Path, *, text: list[str] | None = None, size: int = SIZE
) -> tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast]:
    """The base's own tokenizer, and a new one like it."""
    own = load_base_tokenizer(base.write(folder))
    special = causal_special_tokens(own, folder)
    new = train_tokenizer(
        text or invented(),
        type="bpe",
        vocab_size=size,
        template=special,
        like=own.backend_tokenizer,
    )
    return own, new


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {
        name: (base, *trained(base, tmp_path_factory.mktemp(name)))
        for name, base in ((name, make()) for name, make in BASES.items())
    }


def state_of(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return json.loads(tokenizer.backend_tokenizer.to_str())


@pytest.mark.parametrize("name", BASES)
def test_the_rules_are_the_bases(pairs: Any, name: str) -> None:
    """llama.cpp knows pre-tokenisers by name and has no new ones: nothing of it may change."""
    _, own, new = pairs[name]
    old, now = state_of(own), state_of(new)
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        assert now[part] == old[part]
    ids = new.get_vocab()
    frame = json.dumps(old["post_processor"])
    for token, number in own.get_added_vocab().items():  # the frame too, but for its ids
        if token in ids and token in frame:
            frame = frame.replace(f'"ids": [{number}]', f'"ids": [{ids[token]}]')
    assert now["post_processor"] == json.loads(frame)
    kept = ("type", "byte_fallback", "fuse_unk", "ignore_merges", "unk_token")
    assert [now["model"][field] for field in kept] == [old["model"][field] for field in kept]
    assert len(new) == SIZE


@pytest.mark.parametrize("name", BASES)
def test_tokens_that_something_relies_on_stay(pairs: Any, name: str) -> None:
    base, own, new = pairs[name]
    vocabulary = new.get_vocab()
    in_order = sorted(base.kept, key=own.get_vocab().__getitem__)
    assert [vocabulary[token] for token in in_order] == list(range(len(base.kept)))
    assert not set(base.dropped) & vocabulary.keys()
    for token in base.kept:
        mine, theirs = (t.added_tokens_decoder[t.get_vocab()[token]].special for t in (new, own))
        assert mine == theirs
        assert new.encode(f"a{token}b", add_special_tokens=False).count(vocabulary[token]) == 1
    roles = {role: token for role, token in own.special_tokens_map.items() if role != "pad_token"}
    assert roles.items() <= new.special_tokens_map.items()
    assert new.pad_token == (own.pad_token or document_end(own))
    assert (new.chat_template, new.padding_side) == (own.chat_template, own.padding_side)
    assert new.model_max_length == own.model_max_length
    assert not new.clean_up_tokenization_spaces


def comes_back(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    normalizer: Any = tokenizer.backend_tokenizer.normalizer
    composed = "NFC" in repr(normalizer) and normalizer.normalize_str(text)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == (composed or text)


@pytest.mark.parametrize("name", BASES)
@settings(max_examples=150)
@given(text=ANY)
def test_any_text_comes_back(pairs: Any, name: str, text: str) -> None:
    base, _, new = pairs[name]
    assume(not any(token in text for token in base.kept))
    if new.backend_tokenizer.pre_tokenizer is None:  # to SentencePiece this is a space
        text = text.replace(SPACE, "_")
    comes_back(new, text)


@pytest.mark.parametrize("name", BASES)
def test_every_character_of_unicode_comes_back(pairs: Any, name: str) -> None:
    for text in every_character():
        comes_back(pairs[name][2], text.replace(SPACE, ""))


@pytest.mark.parametrize("name", BASES)
def test_all_bytes_are_there(pairs: Any, name: str) -> None:
    vocabulary = pairs[name][2].get_vocab()
    letters = pre_tokenizers.ByteLevel.alphabet()
    assert vocabulary.keys() >= set(letters) or vocabulary.keys() >= set(BYTES)


@pytest.mark.parametrize(("name", "most"), [("smollm2", 1), ("qwen", 1), ("llama-3", 3)])
def test_digits_are_cut_as_the_base_cuts_them(tmp_path: Path, name: str, most: int) -> None:
    years = [f"mwaka {year} {year}{year}" for year in range(1000, 2000)]
    new = trained(BASES[name](), tmp_path, text=[*TEXT, *years * 3], size=420)[1]
    longest = max(len(t.strip("Ġ")) for t in new.get_vocab() if t.strip("Ġ").isdigit())
    assert longest == most


def test_sentencepieces_digits_are_cut_as_its_pieces_are() -> None:
    """Llama 2 has no piece of two digits, so that none is learned."""
    text = [*TEXT, *(f"mwaka {year}" for year in range(1000, 2000))] * 3
    state = json.loads(BASES["llama-2"]().backend.to_str())

    def longest() -> int:
        new = bpe_like(Tokenizer.from_str(json.dumps(state)), text, 430)
        return max(len(t.strip(SPACE)) for t in new.get_vocab() if t.strip(SPACE).isdigit())

    assert longest() == 1
    state["model"]["vocab"]["12"] = len(state["model"]["vocab"])
    state["model"]["merges"].append(["1", "2"])
    assert longest() > 1


@given(text=ANY)
def test_sentencepieces_merges_keep_words_apart_without_a_pre_tokeniser(
    pairs: Any, text: str
) -> None:
    new = pairs["llama-2"][2]
    for token in new.tokenize(text.replace("<", "")):
        inside = token.strip(SPACE)
        assert SPACE not in inside or set(token) == {SPACE}
        assert not (any(map(str.isalpha, inside)) and any(c in ".,!?;:" for c in inside))


@pytest.mark.parametrize("name", ["smollm2", "llama-2"])
def test_more_than_the_text_supports_and_less_than_bytes(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not support a vocabulary of 4096 ") as refused:
        trained(BASES[name](), tmp_path, text=TEXT, size=4096)
    # What is said to fit does: the plan rounds up to multiples of 64.
    fits = int(str(refused.value).rpartition("at most ")[2].split(",")[0])
    assert fits % 64 == 0
    assert len(trained(BASES[name](), tmp_path, text=TEXT, size=fits)[1]) == fits
    with pytest.raises(UserError, match=r"at least \d+ tokens|cannot hold the text's"):
        trained(BASES[name](), tmp_path, text=TEXT, size=258)


def saved(folder: Path, backend: Tokenizer, **roles: str) -> Path:
    base = BASES["smollm2"]()
    base.write(folder)
    backend.save(str(folder / "tokenizer.json"))
    config = {**roles, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    for name in ("config.json", "generation_config.json"):
        content = json.loads((folder / name).read_text())
        content = {k: v for k, v in content.items() if not k.endswith("token_id")}
        (folder / name).write_text(json.dumps(content))
    return folder


def test_what_cannot_be_carried_over_is_refused(tmp_path: Path) -> None:
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("a", -1.0), ("b", -2.0)]
    unigram = Tokenizer(models.Unigram(pieces, 0, False))
    marked = Tokenizer(models.BPE({"a</w>": 0, "</s>": 1}, [], end_of_word_suffix="</w>"))
    few = Tokenizer(models.BPE({"a": 0, "</s>": 1, "b": 2}, []))
    for backend in (unigram, marked, few):
        backend.add_special_tokens(["</s>"])
    for name, backend, roles, sentence in (
        ("unigram", unigram, {"eos_token": "</s>"}, "its tokenizer is Unigram; a causal base"),
        ("marked", marked, {"eos_token": "</s>"}, "marks the ends of words"),
        ("endless", few, {}, "has no eos_token, which ends a document"),
    ):
        folder = saved(tmp_path / name, backend, **roles)
        with pytest.raises(UserError, match=sentence):
            causal_special_tokens(load_base_tokenizer(folder), folder)
    with pytest.raises(UserError, match="has not all bytes of text"):
        bpe_like(few, TEXT, 300)


def test_an_end_that_its_tokenizer_does_not_know_is_refused(tmp_path: Path) -> None:
    own = load_base_tokenizer(BASES["smollm2"]().write(tmp_path))
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [2, 999]}')
    with pytest.raises(UserError, match=r"generation_config.json has eos_token_id 999, but its"):
        causal_special_tokens(own, tmp_path)


def test_a_document_ends_by_its_own_token_not_by_a_turns(pairs: Any) -> None:
    assert {name: document_end(own) for name, (_, own, _) in pairs.items()} == {
        "smollm2": "<|endoftext|>",
        "llama-3": "<|end_of_text|>",
        "qwen": "<|endoftext|>",
        "llama-2": "</s>",
        "phi-3": "<|endoftext|>",
    }


def test_a_template_in_a_file_and_several_of_them(tmp_path: Path) -> None:
    base = BASES["smollm2"]()
    del base.config["chat_template"]
    base.write(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{{ '<file_sep>' + messages[0]['content'] }}")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tool_use.jinja").write_text("<repo_name>")
    own = load_base_tokenizer(tmp_path)
    special = causal_special_tokens(own, tmp_path)
    assert {"<file_sep>", "<repo_name>"} <= special.ids.keys()
    assert special.chat_template == own.chat_template and set(own.chat_template) == {
        "default",
        "tool_use",
    }


@pytest.mark.parametrize("file", ["tokenizer_config.json", "added_tokens.json"])
def test_tokens_that_only_other_files_add_are_refused_where_the_model_has_rows(
    file: str, tmp_path: Path
) -> None:
    """transformers adds them to what tokenizer.json has; here a chat would have fallen apart."""
    base = BASES["llama-2"]()
    number = base.backend.get_vocab_size()
    base.write(tmp_path)
    added: dict[str, Any] = {"<|im_end|>": number}
    if file == "tokenizer_config.json":
        one = {"content": "<|im_end|>", "special": True}
        added = {"added_tokens_decoder": {str(number): one}} | base.config
    (tmp_path / file).write_text(json.dumps(added))
    assert len(load_base_tokenizer(tmp_path)) == number, "left behind: no model has such a row"
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": number + 1}))
    assert number in AutoTokenizer.from_pretrained(tmp_path)("<|im_end|>")["input_ids"]
    with pytest.raises(UserError, match=rf"added to its tokenizer as id {number}, which") as error:
        load_base_tokenizer(tmp_path)
    assert error.value.where == "spec.base.uri"
    AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert number in load_base_tokenizer(tmp_path)("<|im_end|>")["input_ids"]


def test_pieces_that_somebody_added_are_no_words_of_another_language(tmp_path: Path) -> None:
    """Gemma and GPT-NeoX add runs of spaces: they cut text, and nothing relies on them."""
    base = BASES["qwen"]()
    base.backend.add_tokens([AddedToken("  ", special=False, normalized=False), "\n\n"])
    new = trained(base, tmp_path)[1]
    assert not {"  ", "\n\n"} & new.get_added_vocab().keys()
    comes_back(new, "a  b\n\n  c")


def test_the_pattern_is_the_one_that_is_known(pairs: Any) -> None:
    assert state_of(pairs["llama-3"][2])["pre_tokenizer"]["pretokenizers"][0]["pattern"] == {
        "Regex": LLAMA_3
    }


def test_a_thought_that_a_prompt_begins_can_be_ended(tmp_path: Path) -> None:
    base = BASES["qwen"]()
    base.backend.add_tokens(
        [AddedToken(one, special=False) for one in ("</think>", "</tool_call>")]
    )
    folder = base.write(tmp_path)
    kept = causal_special_tokens(load_base_tokenizer(folder), folder).ids
    assert "</think>" in kept and "</tool_call>" not in kept
