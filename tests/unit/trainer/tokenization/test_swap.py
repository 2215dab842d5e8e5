"""The swap: another vocabulary under a base's special tokens."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft_trainer.tokenization.load import load_tokenizer
from lingraft_trainer.tokenization.special import (
    default_special_tokens,
    special_tokens_of,
)
from lingraft_trainer.tokenization.swap import relay, save_tokenizer, swap
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, NASTY, TEXT

SIZES = {"unigram": 95, "bpe": 320}
Trained = dict[str, PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def trained() -> Trained:
    special = default_special_tokens()
    return {
        kind: train_tokenizer(TEXT, type=kind, vocab_size=size, template=special)  # type: ignore[arg-type]
        for kind, size in SIZES.items()
    }


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("family", BASES)
def test_framing_is_the_bases(trained: Trained, family: str, kind: str) -> None:
    base = BASES[family]()
    target = swap(trained[kind], base)
    assert target.pad_token_id == base.pad_token_id
    assert target.model_max_length == base.model_max_length == 512
    assert target.model_input_names == base.model_input_names
    for role in ("unk", "cls", "sep", "bos", "eos", "pad", "mask"):
        token = getattr(base, f"{role}_token")
        assert getattr(target, f"{role}_token") == token
        if token is not None:
            assert target.get_vocab()[token] < 5
    for text, pair in (("habari", None), ("habari", "mtoto mdogo")):
        want, got = base(text, pair), target(text, pair)
        texts = 1 if pair is None else 2
        assert set(want) == set(got)
        special = [i is None for i in got.sequence_ids()]
        frame = [t for t, s in zip(got.tokens(), special, strict=True) if s]
        assert frame == [
            t for t, i in zip(want.tokens(), want.sequence_ids(), strict=True) if i is None
        ]
        if "token_type_ids" in want:
            kinds = {
                i: {
                    t
                    for t, j in zip(want["token_type_ids"], want.sequence_ids(), strict=True)
                    if j == i
                }
                for i in range(texts)
            }
            assert kinds == {
                i: {
                    t
                    for t, j in zip(got["token_type_ids"], got.sequence_ids(), strict=True)
                    if j == i
                }
                for i in range(texts)
            }
        assert target.num_special_tokens_to_add(texts > 1) == sum(special)


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("family", BASES)
def test_pieces_stay_the_same(trained: Trained, family: str, kind: str) -> None:
    before, after = trained[kind], swap(trained[kind], BASES[family]())
    unk = (before.unk_token, after.unk_token)
    for text in NASTY + TEXT[:10]:
        want = [unk[1] if t == unk[0] else t for t in before.tokenize(text)]
        assert after.tokenize(text) == want
    assert len(after) == len(before)


def test_flags_of_the_mask_are_kept(trained: Trained) -> None:
    target = swap(trained["bpe"], BASES["roberta"]())
    ids = target("habari <mask>")["input_ids"]
    assert target.mask_token_id in ids
    assert "\u0120" not in target.convert_ids_to_tokens(ids), "the mask takes the space before it"


def test_relay_is_idempotent(trained: Trained) -> None:
    special = special_tokens_of(BASES["bert"]())
    once = relay(trained["unigram"], special)
    twice = relay(once, special_tokens_of(once))
    assert once.backend_tokenizer.to_str() == twice.backend_tokenizer.to_str()


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("other", BASES)
def test_a_ready_tokenizer_is_laid_again(tmp_path: Path, family: str, other: str) -> None:
    """A target tokenizer of any family under a base of any other."""
    save_tokenizer(BASES[other](), tmp_path)
    loaded, base = load_tokenizer(tmp_path), BASES[family]()
    target = swap(loaded, base)
    assert target.pad_token_id == base.pad_token_id
    text = "habari ya mtoto"
    want = [base.unk_token if t == loaded.unk_token else t for t in loaded.tokenize(text)]
    assert target.tokenize(text) == want


def test_a_pad_id_beyond_the_vocabulary_is_refused(trained: Trained) -> None:
    base = BASES["bert"]()
    base.add_tokens([f"t{i}" for i in range(500)])
    base.add_special_tokens({"pad_token": "<late>"})
    with pytest.raises(UserError, match="pad id"):
        swap(trained["unigram"], base)


def test_a_base_without_a_mask_is_refused() -> None:
    base = BASES["bert"]()
    base.mask_token = None
    with pytest.raises(UserError, match="mask_token") as caught:
        special_tokens_of(base)
    assert caught.value.where == "spec.base.uri"


def test_no_tokenizer_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)
