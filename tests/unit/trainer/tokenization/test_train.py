"""Training: the same ids as sentencepiece, the same file twice, limits explained."""

import os
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization import train
from lingraft_trainer.tokenization.alphabet import BYTES
from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import NASTY, TEXT
from tests.support.texts import HARD, WITH_BYTES, invented

SPECIAL = default_special_tokens()
SMALL = 95
Pair = tuple[sentencepiece.SentencePieceProcessor, PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def pairs() -> dict[int, Pair]:
    """Vocabulary to a sentencepiece model and what `train_tokenizer` made of the same training."""
    return {size: made(text, size) for size, text in ((SMALL, TEXT), (WITH_BYTES, invented()))}


def made(text: list[str], size: int) -> Pair:
    kept: list[bytes] = []
    original = train.unigram_tokenizer

    def spy(model: bytes, *rest: object) -> object:
        kept.append(model)
        return original(model, *rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "unigram_tokenizer", spy)
        ours = train_tokenizer(text, type="unigram", vocab_size=size, template=SPECIAL)
    return sentencepiece.SentencePieceProcessor(model_proto=kept[0]), ours


def same(pair: Pair, text: str) -> None:
    """Ours reads a text as sentencepiece reads it normalised."""
    theirs, ours = pair
    normal = ours.backend_tokenizer.normalizer.normalize_str(text)  # type: ignore[attr-defined]
    if any(token in text for token in SPECIAL.ids):
        return  # cut out before; sentencepiece knows none
    if "<" not in ours.get_vocab() and any(token in normal for token in SPECIAL.ids):
        return  # fullwidth <s>, in a vocabulary that cannot write it otherwise
    ids = ours(text, add_special_tokens=False)["input_ids"]
    # sentencepiece's unknown token and nothing else moved, by four places; bytes lie between.
    in_bytes = len(BYTES) if "<0x80>" in ours.get_vocab() else 0
    want = [3 if i == 0 else i + 4 + in_bytes for i in theirs.encode(normal)]
    if in_bytes:
        assert 3 not in ids
        first = ours.get_vocab()["<0x80>"]
        ids = [3 if first <= i < first + in_bytes else i for i in ids]
        ids = [i for place, i in enumerate(ids) if i != 3 or place == 0 or ids[place - 1] != 3]
    assert ids == want


@pytest.mark.parametrize("size", [SMALL, WITH_BYTES])
def test_unigram_equals_sentencepiece(pairs: dict[int, Pair], size: int) -> None:
    for text in [*NASTY, *HARD, *TEXT[:20], *invented()[:20]]:
        same(pairs[size], text)


@pytest.mark.parametrize("size", [SMALL, WITH_BYTES])
@settings(max_examples=300)
@given(
    text=st.lists(
        st.sampled_from([*NASTY, *HARD, *"abhk1. \u2581\u0301é각世", "ｶﾞ", "क्षि", "\x00", "badequ"])
        | st.text(max_size=3),
        max_size=8,
    ).map("".join)
)
def test_unigram_equals_sentencepiece_on_mixtures(
    pairs: dict[int, Pair], size: int, text: str
) -> None:
    same(pairs[size], text)


@pytest.mark.parametrize(("kind", "size"), [("unigram", 95), ("bpe", 320)])
def test_training_twice_gives_the_same_bytes(kind: str, size: int) -> None:
    one, two = (
        train_tokenizer(iter(TEXT), type=kind, vocab_size=size, template=SPECIAL)  # type: ignore[arg-type]
        for _ in range(2)
    )
    assert one.backend_tokenizer.to_str() == two.backend_tokenizer.to_str()
    assert len(one) == size


def largest(error: UserError) -> int:
    return int(error.message.split("set at most ")[1].split(",")[0])


def digests() -> list[str]:
    found: list[str] = []
    for kind, size in (("unigram", WITH_BYTES), ("bpe", 700)):
        made = train_tokenizer(
            invented(),
            type=kind,  # type: ignore[arg-type]
            vocab_size=size,
            template=SPECIAL,
            language="it",
            characters="\u4e00\u4e01",
        )
        found.append(sha256(made.backend_tokenizer.to_str().encode()).hexdigest())  # type: ignore[attr-defined]
    return found


def test_the_file_depends_on_no_number_of_threads_and_no_hash_seed() -> None:
    """Another process: some orders are drawn when it starts."""
    code = f"from {__name__} import digests; print(*digests())"
    more = {"RAYON_NUM_THREADS": "3", "OMP_NUM_THREADS": "3", "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | more | {"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == digests()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("text", [TEXT, invented()], ids=["small", "large"])
def test_too_large_a_vocabulary_names_the_largest(kind: str, text: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        train_tokenizer(text, type=kind, vocab_size=9000, template=SPECIAL)  # type: ignore[arg-type]
    assert caught.value.where == "spec.tokenizer.train.vocabSize"
    most = largest(caught.value)
    assert len(train_tokenizer(text, type=kind, vocab_size=most, template=SPECIAL)) == most  # type: ignore[arg-type]
    with pytest.raises(UserError):
        train_tokenizer(text, type=kind, vocab_size=most + 1, template=SPECIAL)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_too_small_a_vocabulary_names_the_smallest(kind: str) -> None:
    with pytest.raises(UserError, match="at least") as caught:
        train_tokenizer(TEXT, type=kind, vocab_size=10, template=SPECIAL)  # type: ignore[arg-type]
    words = caught.value.message.replace(",", "").split("at least ")[1].split()
    least = int(words[0])
    if kind == "unigram":
        assert "bytes" in caught.value.message and int(words[2]) > 800
        assert (
            len(train_tokenizer(TEXT, type="unigram", vocab_size=least, template=SPECIAL)) == least
        )
    with pytest.raises(UserError, match="at least"):
        train_tokenizer(TEXT, type=kind, vocab_size=least - 1, template=SPECIAL)  # type: ignore[arg-type]


def test_bytes_from_the_size_that_is_named_on() -> None:
    said: list[str] = []

    def trained(size: int) -> PreTrainedTokenizerFast:
        return train_tokenizer(
            invented(), type="unigram", vocab_size=size, template=SPECIAL, warn=said.append
        )

    trained(700)
    (sentence,) = said
    assert "no room for bytes" in sentence
    least = int(sentence.split("at least ")[1].split(",")[0])
    made = trained(least)
    assert said == [sentence]
    assert {f"<0x{byte:02X}>" for byte in BYTES} <= set(made.get_vocab())
    used = {
        byte
        for code in range(0x80, 0x110000)
        if not 0xD800 <= code < 0xE000
        for byte in chr(code).encode()
    }
    assert used == set(BYTES), "UTF-8 has no other bytes"


def test_nothing_to_train_on() -> None:
    with pytest.raises(UserError, match="nothing in the text"):
        train_tokenizer(["", " \u2585 "], type="unigram", vocab_size=100, template=SPECIAL)


def test_italian_of_one_book_writes_the_rest() -> None:
    """What a Bible's tokenizer lost: j, w, accents, the typewriter's apostrophe, addresses."""
    made = train_tokenizer(
        invented(), type="unigram", vocab_size=WITH_BYTES, template=SPECIAL, language="it"
    )
    for text in ("two", "perché l'Etna è più", "jazz & web", "a@b.it/~x?y=%20"):
        tokens = made.tokenize(text)
        assert not [t for t in tokens if t.startswith("<0x")], tokens
        assert made.decode(made(text)["input_ids"], skip_special_tokens=True) == text
    assert "<0xF0>" in made.tokenize("👍")


def test_the_bases_characters_are_pieces() -> None:
    vocabulary = train_tokenizer(
        invented(),
        type="unigram",
        vocab_size=WITH_BYTES,
        template=SPECIAL,
        characters=["\u4e00", "\uff21", "\x00", " ", "\u2585", "ж"],
    ).get_vocab()
    assert {"\u4e00", "ж", "A"} <= vocabulary.keys()
    assert not {"\uff21", "\x00", " ", "\u2585"} & vocabulary.keys(), "no text reaches those"


@pytest.mark.parametrize(
    "word",
    ["नमस्ते", "می\u200cخواهم", "สวัสดี", "naïve", "ක්\u200dෂ"],  # noqa: RUF001
)
def test_bpe_tears_no_words_at_their_marks(word: str) -> None:
    text = [f"{word} {word}"] * 50
    with pytest.raises(UserError) as caught:
        train_tokenizer(text, type="bpe", vocab_size=999, template=SPECIAL)
    most = largest(caught.value)
    made = train_tokenizer(text, type="bpe", vocab_size=most, template=SPECIAL)
    assert len(made.tokenize(f"{word} {word}.")) == 3


def test_a_sentence_with_sentencepieces_own_sign_is_not_skipped() -> None:
    made = train_tokenizer(
        ["umoja \u2585 mbili"] * 99, type="unigram", vocab_size=15, template=SPECIAL
    )
    assert made.unk_token_id not in made("umoja mbili")["input_ids"]


def test_long_paragraphs_are_not_skipped() -> None:
    chance = random.Random(1)
    long = " ".join(chance.choices(["umoja", "mbili", "tatu"], k=20_000))
    tokenizer = train_tokenizer([long], type="unigram", vocab_size=18, template=SPECIAL)
    assert tokenizer.unk_token_id not in tokenizer("umoja mbili")["input_ids"]


def test_sentences_lose_nothing() -> None:
    text = " ".join(["neno"] * 3000)
    assert " ".join(train._sentences(text)) == text
    assert "".join(train._sentences("x" * 5000)) == "x" * 5000
