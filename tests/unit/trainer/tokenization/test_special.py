"""Special tokens get small ids in a new vocabulary, but for a padding id that must stay."""

import pytest

from lingraft_trainer.tokenization.special import special_tokens_of
from tests.support.newer_bases import NEWER


@pytest.mark.parametrize("name", NEWER)
def test_ids_are_the_first_ones(name: str) -> None:
    base = NEWER[name]()
    special = special_tokens_of(base, keep_pad=False)
    assert sorted(special.ids.values()) == list(range(len(special.ids)))
    assert special.roles["pad_token"] == base.pad_token


def test_a_padding_id_that_positions_are_counted_from_stays_however_large() -> None:
    base = NEWER["modernbert"]()
    special = special_tokens_of(base, keep_pad=True)
    assert special.pad_id == base.pad_token_id == max(special.ids.values()) > 300
    small = NEWER["mpnet"]()
    for keep in (True, False):
        assert special_tokens_of(small, keep_pad=keep).pad_id == small.pad_token_id == 1


def test_a_byte_level_base_gets_a_token_for_what_is_unknown_if_it_has_none() -> None:
    base = NEWER["eurobert"]()
    assert base.unk_token is None
    special = special_tokens_of(base)
    assert special.unk == "<unk>" and special.flags["<unk>"].special
    assert special.roles["pad_token"] == special.roles["eos_token"], "Llama's way of padding"
