"""The report's figures, on texts whose figures are known."""

from lingraft_trainer.tokenization.report import tokenizer_report
from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, TEXT
from tests.support.texts import WITH_BYTES, invented

SPECIAL = default_special_tokens()


def test_bytes_and_unknown_characters_are_told_apart() -> None:
    small = train_tokenizer(TEXT, type="unigram", vocab_size=95, template=SPECIAL)
    found = tokenizer_report(small, ["habari \u4e16"], sequence_length=8)
    pieces = len(small.tokenize("habari \u4e16"))
    assert found["unknownRate"] == round(1 / pieces, 6) and found["byteRate"] == 0
    assert not found["writesAnything"] and found["sharedCharacters"] is None

    full = train_tokenizer(invented(), type="unigram", vocab_size=WITH_BYTES, template=SPECIAL)
    found = tokenizer_report(full, ["badeki \u4e16"], sequence_length=8)
    pieces = len(full.tokenize("badeki \u4e16"))
    assert found["unknownRate"] == 0 and found["byteRate"] == round(3 / pieces, 6)
    assert found["writesAnything"]


def test_byte_level_bpe_writes_anything() -> None:
    made = train_tokenizer(TEXT, type="bpe", vocab_size=320, template=SPECIAL)
    found = tokenizer_report(made, ["\u4e16\u754c"], sequence_length=8)
    assert found["writesAnything"] and found["unknownRate"] == 0
    assert found["byteRate"] == round(6 / 7, 6)  # beside the space in front


def test_the_bases_characters_are_counted() -> None:
    base = BASES["bert"]()
    own = tokenizer_report(base, TEXT[:9], sequence_length=64, base=base)
    assert own["sharedCharacters"] == own["sharedWithBase"] == 1
    made = train_tokenizer(TEXT, type="bpe", vocab_size=320, template=SPECIAL)
    assert 0 < tokenizer_report(made, TEXT, sequence_length=64, base=base)["sharedCharacters"] < 1
