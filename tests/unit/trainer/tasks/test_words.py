"""Every word has a first token of its own, under tokenizers of every kind."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

from lingraft.formats import Tagged
from lingraft_trainer.tasks.features import IGNORED
from lingraft_trainer.tasks.tagging import Tagging
from lingraft_trainer.tasks.words import _lead, cut_words, frame_of, windows
from lingraft_trainer.tokenization.load import load_tokenizer
from lingraft_trainer.tokenization.special import special_tokens_of
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.matrix.vocabularies import VOCABULARIES
from tests.support.bases import BASES, NASTY, TEXT, WORDS
from tests.support.newer_bases import NEWER

KINDS = {
    **{name: lambda folder, make=make: make() for name, make in (BASES | NEWER).items()},
    "trained unigram": lambda folder: trained("unigram", 96),
    "trained bpe": lambda folder: trained("bpe", 320),
    "added tokens": lambda folder: given_as("added tokens", folder),
    "sentencepiece unigram": lambda folder: given_as("sentencepiece unigram", folder),
    "sentencepiece bpe": lambda folder: given_as("sentencepiece bpe", folder),
    "gpt2": lambda folder: given_as("gpt2", folder),
}
SENTENCES = st.lists(
    st.sampled_from(WORDS)
    | st.sampled_from(NASTY)
    | st.sampled_from(["", "\ufeff", "\u200b", "New York", "mtoto mdogo", "<s>", "世", "界"])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text("abk\u0301é▁ ", max_size=40),
    min_size=1,
    max_size=30,
)


def trained(kind: Any, size: int) -> Any:
    template = special_tokens_of(BASES["xlm-roberta"]())
    return train_tokenizer(TEXT, type=kind, vocab_size=size, template=template)


def given_as(name: str, folder: Path) -> Any:
    """A tokenizer that somebody gives, as the corpus stage loads it."""
    from lingraft_trainer.tokenization.swap import lay

    VOCABULARIES[name].fields(folder, folder)
    loaded: Any = load_tokenizer(folder)
    return lay(loaded.backend_tokenizer, special_tokens_of(BASES["xlm-roberta"]()))


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By name, each made once."""
    return cache(lambda name: KINDS[name](tmp_path_factory.mktemp("tokenizer")))


def alone(tokenizer: Any, word: str) -> list[int]:
    """A word's tokens behind another word and a space, as transformers has them."""
    before = tokenizer("a", add_special_tokens=False)["input_ids"]
    both = tokenizer(f"a {word}", add_special_tokens=False)["input_ids"]
    return both[len(before) :] if both[: len(before)] == before else []


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=SENTENCES, length=st.sampled_from([16, 24, 128]))
def test_each_word_has_one_labelled_token_which_is_its_own_first(
    name: str, words: list[str], length: int, tokenizers: Any
) -> None:
    tokenizer = tokenizers(name)
    labels = tuple(f"w{i}" for i in range(len(words)))
    row = Tagged(tuple(words), labels)
    features = Tagging("pos").encode([row], tokenizer, length, labels)
    frame, own = frame_of(tokenizer), cut_words(words, tokenizer)
    seen: list[int] = []
    for feature in features:
        ids, target = feature["input_ids"], feature["target"]
        assert len(ids) == len(target) == len(feature["attention_mask"]) <= length
        assert tuple(ids[: len(frame.first)]) == frame.first
        assert tuple(ids[len(ids) - len(frame.last) :]) == frame.last
        labelled = [i for i, label in enumerate(target) if label != IGNORED]
        assert feature["count"] == len(labelled) > 0
        for i in labelled:
            word = own[words[target[i]]][: frame.room(length)]
            assert ids[i : i + len(word)] == word, "its tokens begin there, and are all there"
            seen.append(target[i])
        for i, j in pairwise(labelled):
            assert j - i == min(len(own[words[target[i]]]), frame.room(length)), "and no others"
    assert sorted(seen) == list(range(len(words))), "each word once"


@pytest.mark.parametrize("name", KINDS)
def test_words_are_cut_as_they_stand_behind_a_space(name: str, tokenizers: Any) -> None:
    tokenizer = tokenizers(name)
    plain = [word for word in WORDS if word.isalnum()]
    own = cut_words(plain, tokenizer)
    agree = [own[word] == alone(tokenizer, word) for word in plain]
    assert all(agree), [w for w, a in zip(plain, agree, strict=True) if not a]
    assert (_lead(tokenizer) == " ") == (
        name in ("roberta", "modernbert", "gpt2", "eurobert", "mmbert")
    )


def test_a_word_that_is_nothing_is_unknown_or_else_masked() -> None:
    bert, eurobert = BASES["bert"](), NEWER["eurobert"]()
    blank = ["", " ", "\ufeff", "\u200b", "\u0301"]
    assert all(ids == [bert.unk_token_id] for ids in cut_words(blank, bert).values())
    assert eurobert.unk_token_id is None
    emptied: Any = BASES["bert"]()
    emptied.unk_token = None
    assert cut_words(["\u200b"], emptied) == {"\u200b": [emptied.mask_token_id]}


def test_a_token_over_two_words_parts_none(tokenizers: Any) -> None:
    tokenizer: Any = BASES["bert"]()
    tokenizer.add_tokens([AddedToken("mtoto mdogo")])
    assert len(tokenizer("mtoto mdogo", add_special_tokens=False)["input_ids"]) == 1
    own = cut_words(["mtoto", "mdogo", "mtoto mdogo"], tokenizer)
    assert len(own["mtoto mdogo"]) == 1 and own["mtoto"] != own["mdogo"]


@given(st.lists(st.integers(1, 14), min_size=1, max_size=60), st.integers(14, 30))
def test_windows_hold_every_word_once_and_what_stands_around_it(
    sizes: list[int], room: int
) -> None:
    found = windows(sizes, room)
    assert [n for one in found for n in range(*one.own)] == list(range(len(sizes)))
    for one in found:
        assert one.start <= one.own[0] < one.own[1] <= one.end
        assert sum(sizes[one.start : one.end]) <= room
    for before, after in pairwise(found):
        shared = sum(sizes[after.start : before.end])
        assert shared <= room // 3
        assert before.start < after.start <= before.end < after.end
        left, right = before.end - before.own[1], after.own[0] - after.start
        assert 0 <= left - right <= 1, "parted in the middle"
    assert (len(found) == 1) == (sum(sizes) <= room)


def test_a_sentence_that_fits_is_one_window() -> None:
    assert [one.own for one in windows([3, 4, 5], 12)] == [(0, 3)]
    assert [one.own for one in windows([3, 4, 5], 11)] == [(0, 2), (2, 3)]


def segments(rows: Sequence[Tagged], tokenizer: Any) -> list[Any]:
    features = Tagging("pos").encode(rows, tokenizer, 32, ("x",))
    return [feature.get("token_type_ids") for feature in features]


def test_segments_are_given_where_the_model_has_them() -> None:
    row = Tagged(("habari", "ya"), ("x", "x"))
    (found,) = segments([row], BASES["bert"]())
    assert found and set(found) == {0}
    assert segments([row], BASES["roberta"]()) == [None]
