"""What is encoded is decoded: any text, every kind of tokenizer, under every base's tokens."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.swap import swap
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, NASTY, TEXT
from tests.support.texts import HARD, JOINERS, WITH_BYTES, every_character, invented

SIZES = {"unigram": WITH_BYTES, "bpe": 700}
ANY = st.lists(st.text(max_size=12) | st.sampled_from([*HARD, *NASTY, *JOINERS, " "]), max_size=4)


@pytest.fixture(scope="module")
def tokenizers() -> dict[tuple[str, str], PreTrainedTokenizerBase]:
    special, text = default_special_tokens(), invented()
    trained = {
        kind: train_tokenizer(text, type=kind, vocab_size=size, template=special)  # type: ignore[arg-type]
        for kind, size in SIZES.items()
    }
    return {
        (kind, family): swap(tokenizer, make())
        for kind, tokenizer in trained.items()
        for family, make in BASES.items()
    }


def read(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """The text as the tokenizer reads it; byte-level BPE puts a space in front."""
    normalizer = tokenizer.backend_tokenizer.normalizer  # type: ignore[attr-defined]
    return normalizer.normalize_str(text).removeprefix(" ")


def comes_back(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == read(tokenizer, text)


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("kind", SIZES)
@settings(max_examples=300)
@given(ANY.map("".join))
def test_any_text(tokenizers, kind: str, family: str, text: str) -> None:  # type: ignore[no-untyped-def]
    tokenizer = tokenizers[kind, family]
    assume(not any(token in text for token in tokenizer.all_special_tokens))
    comes_back(tokenizer, text)


@pytest.mark.parametrize("kind", SIZES)
def test_every_character_of_unicode(tokenizers, kind: str) -> None:  # type: ignore[no-untyped-def]
    for text in every_character():
        comes_back(tokenizers[kind, "roberta"], text)


@pytest.mark.parametrize("kind", SIZES)
@given(text=ANY.map("".join))
def test_offsets_are_the_texts(tokenizers, kind: str, text: str) -> None:  # type: ignore[no-untyped-def]
    """In order, and every letter of ASCII lies in one."""
    encoded = tokenizers[kind, "xlm-roberta"].backend_tokenizer.encode(
        text, add_special_tokens=False
    )
    assert [start for start, _ in encoded.offsets] == sorted(start for start, _ in encoded.offsets)
    inside = {place for start, end in encoded.offsets for place in range(start, end)}
    assert {place for place, char in enumerate(text) if char.isascii() and char.isalnum()} <= inside
    assert inside <= set(range(len(text)))


def test_a_vocabulary_without_bytes_gives_its_own_characters_back() -> None:
    tokenizer = train_tokenizer(
        TEXT, type="unigram", vocab_size=95, template=default_special_tokens()
    )
    own = [t for t in tokenizer.get_vocab() if len(t) == 1 and t != "\u2581"]
    assert len(own) > 50

    @given(st.text(st.sampled_from([*own, " "])))
    def check(text: str) -> None:
        comes_back(tokenizer, text)

    check()
