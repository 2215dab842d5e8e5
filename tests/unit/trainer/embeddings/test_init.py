"""Where the new rows start: drawn, copied or averaged; special tokens' rows by their role."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import BertTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.init import Kind, initial_embeddings
from lingraft_trainer.embeddings.surface import is_text, lower_cases, single_characters, surfaces
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import BASES
from tests.support.tiny import SOURCE_WORDS, TARGET_WORDS, pack, tiny_tokenizer

SPECIAL = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
KINDS: tuple[Kind, ...] = ("random", "normal", "overlap", "mean", "focus")


def word_piece(*words: str, lower: bool = False) -> PreTrainedTokenizerBase:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    return BertTokenizer(
        vocab={token: i for i, token in enumerate(vocabulary)},
        do_lower_case=lower,
        strip_accents=False,
    )


def byte_level(*pieces: str, merges: tuple[tuple[str, str], ...] = ()) -> PreTrainedTokenizerBase:
    vocabulary = {token: i for i, token in enumerate([*SPECIAL.values(), *pieces])}
    backend = Tokenizer(models.BPE(vocabulary, list(merges), unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **SPECIAL)


def unigram(*pieces: str, byte_fallback: bool = False) -> PreTrainedTokenizerBase:
    scored = [(token, -1.0) for token in [*SPECIAL.values(), *pieces]]
    backend = Tokenizer(models.Unigram(scored, 0, byte_fallback))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **SPECIAL)


@pytest.mark.parametrize(
    "tokenizer",
    [
        word_piece("le", "##s", "##\u00e9", "Le"),
        byte_level("\u0120le", "s", "\u00c3\u00a9", "\u0120Le", "\u00c3"),
        unigram("\u2581le", "s", "\u00e9", "\u2581Le"),
    ],
    ids=["WordPiece", "byte-level BPE", "unigram"],
)
def test_a_surface_is_what_a_token_says_in_every_kind_of_vocabulary(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    first = len(tokenizer.all_special_ids)
    expected = {" le": first, "s": first + 1, "\u00e9": first + 2, " Le": first + 3}
    found = surfaces(tokenizer)  # special tokens have none
    assert {surface: n for surface, n in found.items() if is_text(surface)} == expected


def test_a_byte_is_like_that_byte_and_like_no_text() -> None:
    """Byte-level BPE's half characters, and the bytes of a vocabulary that falls back to them."""
    pieces = ("\u00c3", "\u00e3\u0123", "e\u00c3", "s", "\u00c3\u00a9")
    level = surfaces(byte_level(*pieces))
    falling = surfaces(unigram("<0xC3>", "<0x73>", "s", "<0xZZ>", byte_fallback=True))
    assert level.keys() & falling.keys() == {"\udcc3", "s"}
    assert falling["\udcc3"] == 4 and falling["\udc73"] == 5 and falling["s"] == 6
    assert [surface for surface in falling if is_text(surface)] == ["s", "<0xZZ>"]
    assert [surface for surface in level if is_text(surface)] == ["s", "\u00e9"]
    plain = surfaces(unigram("<0xC3>", "s"))
    assert plain.keys() == {"<0xC3>", "s"}, "without fallback it is text"
    assert surfaces(word_piece("<0xC3>"))[" <0xC3>"] == 5


@pytest.mark.parametrize("kind", ["overlap", "mean"])
def test_bytes_start_from_the_bases_bytes(kind: Kind) -> None:
    target = unigram("<0xC3>", "<0xE3>", "s", "<0x73>", byte_fallback=True)
    for source in (
        byte_level("s", "\u00c3"),
        unigram("s", "<0xC3>", byte_fallback=True),
    ):
        rows, found, _ = start(kind, source, target)
        assert torch.equal(found[4], rows[surfaces(source)["\udcc3"]])
        assert torch.equal(found[6], rows[surfaces(source)["s"]])
        for number in (5, 7):  # a byte the base lacks, and the byte of s, which is not s
            assert not (found[number] == rows).all(dim=1).any()
    rows, found, taken = start("overlap", unigram("s", "<0xC3>"), target)
    assert taken == 1 and not (found[4] == rows).all(dim=1).any(), "text is no byte"


def test_single_characters_by_id() -> None:
    assert single_characters(byte_level("s", "\u0120le", "\u0120x", "\u00c3", "\u00c3\u00a9")) == [
        "s",
        "x",
        "\u00e9",
    ]
    assert single_characters(word_piece("b", "##a", "##b", "ab")) == ["b", "a"]
    assert single_characters(unigram("\u2581", "\u2581z", "<0x41>", byte_fallback=True)) == ["z"]


def test_of_two_tokens_that_look_alike_the_lower_id_counts() -> None:
    assert surfaces(unigram("\u2581a", " a"))[" a"] == len(SPECIAL)


def matrix(tokenizer: PreTrainedTokenizerBase, width: int = 8) -> torch.Tensor:
    """Source rows with a mean and a deviation of their own in every dimension."""
    torch.manual_seed(1)
    deviations = torch.linspace(0.1, 2.0, width)
    return torch.randn(len(tokenizer), width) * deviations + torch.linspace(-3, 3, width)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> PackedText:
    """All target words but the last one, for `focus`."""
    folder = tmp_path_factory.mktemp("text")
    pack(tiny_tokenizer("roberta", TARGET_WORDS), [" ".join(TARGET_WORDS[:-1])] * 20, folder)
    return PackedText(folder)


def start(
    kind: Kind,
    source: PreTrainedTokenizerBase,
    target: PreTrainedTokenizerBase,
    seed: int = 0,
    text: PackedText | None = None,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    rows = matrix(source)
    before = rows.clone()
    found, taken = initial_embeddings(kind, rows, source, target, seed=seed, text=text)
    assert torch.equal(rows, before), "the source must stay as it is"
    assert found.shape == (len(target), rows.shape[1])
    return rows, found, taken


@pytest.mark.parametrize("kind", KINDS[:-1])  # focus copies as overlap does
def test_special_tokens_without_a_role_keep_their_rows(kind: Kind) -> None:
    source, target = (tiny_tokenizer("roberta", words) for words in (SOURCE_WORDS, TARGET_WORDS))
    for tokenizer, others in ((source, ["<|first|>", "<|im_start|>"]), (target, ["<|im_start|>"])):
        added: Any = [AddedToken(one, special=True) for one in others]
        tokenizer.add_tokens(added)
        assert "<|im_start|>" not in tokenizer.special_tokens_map.values()
    old, new = (one.get_vocab()["<|im_start|>"] for one in (source, target))
    rows, found, _ = start(kind, source, target)
    assert torch.equal(found[new], rows[old])


@pytest.mark.parametrize(
    ("kind", "mean", "deviation"),
    [
        ("random", lambda s: s.mean(0), lambda s: s.std(0)),
        ("normal", lambda s: 0.0, lambda s: 0.02),
    ],
)
def test_drawn_rows_have_the_mean_and_deviation_they_should(
    kind: Kind, mean: Callable[..., Any], deviation: Callable[..., Any]
) -> None:
    source = word_piece(*(f"a{i}" for i in range(500)))
    target = word_piece(*(f"b{i}" for i in range(4000)))
    rows, found, taken = start(kind, source, target)
    assert taken == 0
    wanted = torch.as_tensor(deviation(rows))
    standardised = (found[5:] - mean(rows)) / wanted
    # Five standard errors of a mean and of a deviation over 4,000 draws.
    assert standardised.mean(0).abs().max() < 5 / 4000**0.5
    assert (standardised.std(0) - 1).abs().max() < 5 / 8000**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_depends_on_the_seed_alone(kind: Kind, text: PackedText) -> None:
    source, target = (tiny_tokenizer("roberta", words) for words in (SOURCE_WORDS, TARGET_WORDS))
    torch.manual_seed(5)
    first = start(kind, source, target, text=text)[1]
    torch.manual_seed(6)
    assert torch.equal(first, start(kind, source, target, text=text)[1])
    assert not torch.equal(first, start(kind, source, target, 1, text)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_keep_their_rows_by_role_not_by_id(kind: Kind, text: PackedText) -> None:
    source, target = tiny_tokenizer("bert", SOURCE_WORDS), tiny_tokenizer("roberta", TARGET_WORDS)
    rows, found, _ = start(kind, source, target, text=text)
    for role in ("cls", "sep", "pad", "unk", "mask"):
        old, new = (getattr(t, f"{role}_token_id") for t in (source, target))
        assert torch.equal(found[new], rows[old]), role
    assert source.cls_token_id != target.cls_token_id, "or this test shows nothing"


SOURCES = {
    "WordPiece": word_piece("le", "##s", "chat", "Le"),
    "byte-level BPE": byte_level("\u0120le", "s", "\u0120chat", "\u0120Le"),
    "unigram": unigram("\u2581le", "s", "\u2581chat", "\u2581Le"),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", SOURCES)
def test_overlap_copies_what_both_say_whatever_writes_it(source: str, target: str) -> None:
    known = SOURCES[source]
    new = {
        "WordPiece": word_piece("##s", "le", "loup", "##le"),
        "byte-level BPE": byte_level("s", "\u0120le", "\u0120loup", "le"),
        "unigram": unigram("s", "\u2581le", "\u2581loup", "le"),
    }[target]
    rows, found, taken = start("overlap", known, new)
    old = surfaces(known)
    first = len(new.all_special_ids)
    assert taken == 2
    assert torch.equal(found[first], rows[old["s"]])
    assert torch.equal(found[first + 1], rows[old[" le"]])
    for number in (first + 2, first + 3):  # an unknown word, and "le" inside one
        assert not (found[number] == rows).all(dim=1).any()


def test_a_lower_casing_base_lends_its_rows_to_capitals() -> None:
    source, target = word_piece("le", lower=True), unigram("\u2581Le", "\u2581LE", "\u2581le")
    assert lower_cases(source) and not lower_cases(target)
    rows, found, taken = start("overlap", source, target)
    assert taken == 3
    assert all(torch.equal(row, rows[5]) for row in found[4:])
    assert start("overlap", word_piece("le"), target)[2] == 1


def test_mean_is_the_mean_of_the_source_pieces() -> None:
    source = word_piece("chat", "##on", "##s")
    rows, found, taken = start("mean", source, unigram("\u2581chatons", "\u2581chat", "\u2581zut"))
    assert taken == 2
    torch.testing.assert_close(found[4], rows[[5, 6, 7]].mean(0))
    assert torch.equal(found[5], rows[5])
    assert not (found[6] == rows[1]).all(), "an unknown word is drawn, not the unknown token's"


def test_mean_takes_the_pieces_of_a_word_start_from_byte_level_bpe() -> None:
    pieces = ("\u0120", "l", "e", "s", "\u0120l", "\u0120le")
    source = byte_level(*pieces, merges=(("\u0120", "l"), ("\u0120l", "e")))
    rows, found, taken = start("mean", source, unigram("\u2581les", "les"))
    assert taken == 2
    number = {piece: i for i, piece in enumerate([*SPECIAL.values(), *pieces])}
    torch.testing.assert_close(found[4], rows[[number["\u0120le"], number["s"]]].mean(0))
    inside = [number[letter] for letter in "les"]
    torch.testing.assert_close(found[5], rows[inside].mean(0))


def test_mean_takes_one_space_where_the_base_puts_another_before_any_text(tmp_path: Path) -> None:
    source = load_base_tokenizer(BASES["llama-2"]().write(tmp_path))
    rows, found, _ = start("mean", source, unigram("\u2581zzq"))
    pieces = source.convert_tokens_to_ids(["\u2581", "z", "z", "<0x71>"])
    torch.testing.assert_close(found[4], rows[pieces].mean(0))


@pytest.mark.parametrize("kind", ["overlap", "mean"])
def test_added_tokens_of_letters_that_bytes_are_not_written_in_start_like_others(
    kind: Kind, tmp_path: Path
) -> None:
    """A byte-level vocabulary has no letter for most of Unicode, and others for some of it."""
    source: Any = load_base_tokenizer(BASES["qwen"]().write(tmp_path))
    target: Any = byte_level("\u00c3\u00a9", "\u00ff")
    names = ("\u0928\u092e\u0938\u094d\u0924\u0947", "a b", "\u2026")
    target.add_tokens([AddedToken(one, special=False) for one in names])
    source.add_tokens([AddedToken(one, special=False) for one in (names[2], names[0])])
    said = surfaces(target)
    assert {said[name] for name in names} == set(target.convert_tokens_to_ids(list(names)))
    rows_VH = torch.randn(len(source), 4, generator=torch.Generator().manual_seed(0))
    found_VH, _ = initial_embeddings(kind, rows_VH, source, target, seed=0)
    for name in (names[0], names[2]):
        old, new = (one.convert_tokens_to_ids(name) for one in (source, target))
        assert torch.equal(found_VH[new], rows_VH[old])
    if kind == "mean":
        pieces = source(names[1], add_special_tokens=False)["input_ids"]
        torch.testing.assert_close(found_VH[said[names[1]]], rows_VH[pieces].mean(dim=0))
